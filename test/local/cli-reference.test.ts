import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { afterText, cliReference, commandsOf } from '../../local/cli-reference.ts';
import { fittedHelp, program } from '../../local/program.ts';

const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const { scripts } = JSON.parse(file('package.json')) as { scripts: Record<string, string> };

test('docs/cli.md is what the commands say of themselves (npm run docs brings it up to date)', () => {
  expect(file('docs/cli.md')).toBe(cliReference());
});

/** Words of a line as a shell splits it; a trailing explanation stands behind two spaces. */
const wordsOf = (line: string) =>
  [
    ...line
      .trim()
      .replace(/ {2,}.*$/, '')
      .matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g),
  ].map(([, double, single, bare]) => double ?? single ?? bare ?? '');

const exampleLines = (command: Command) => /Examples:\n([\s\S]*?)(\n\n|$)/.exec(afterText(command))?.[1]?.split('\n') ?? [];

/** The command of `npm run NAME -- ...` with its arguments; undefined where the script is none of the command line's. */
function calledBy(line: string): string[] | undefined {
  const words = wordsOf(line);
  const npm = words.indexOf('npm');
  const [verb, ...rest] = words.slice(npm + 1).filter((word) => word !== '-s');
  const [script = '', args] = verb === 'run' ? [rest[0], rest.slice(1)] : [verb, rest];
  expect(Object.keys(scripts)).toContain(script);
  const name = /local\/cli\.ts (\S+)$/.exec(scripts[script] ?? '')?.[1];
  if (args.length > 0) expect(args[0]).toBe('--');
  return name === undefined ? undefined : [name, ...args.slice(1)];
}

/** Takes the arguments as the terminal's program does, and does nothing. */
async function parse(args: readonly string[]): Promise<void> {
  const hundredfold = program(() => {});
  for (const command of hundredfold.commands)
    command
      .action(() => {})
      .exitOverride()
      .configureOutput({ writeErr: () => {} });
  await hundredfold.parseAsync([...args], { from: 'user' });
}

const commands = commandsOf(program(() => {}));

describe.each(commands.map((command) => [command.name(), command] as const))('%s', (name, command) => {
  test('is a script of npm', () => {
    expect(Object.values(scripts)).toContain(`node local/launch.mjs local/cli.ts ${name}`);
  });

  test('has examples, which it takes', async () => {
    const calls = exampleLines(command).map(calledBy);
    expect(calls.filter((call) => call?.[0] === name)).not.toEqual([]);
    for (const call of calls) if (call) await parse(call);
  });
});

test('an example with a flag that is not there would be found', async () => {
  await expect(parse(['run', 'reviews.csv', '--colour', 'red'])).rejects.toThrow(/unknown option '--colour'/);
});

test('in a narrow terminal help is broken between words', () => {
  const text = 'Every value goes with every other.\n\nExamples:\n  npm run query -- --named failures   of the newest run\n';
  const fitted = fittedHelp(text, 24);
  for (const line of fitted.split('\n')) expect(line.length).toBeLessThanOrEqual(24);
  expect(fitted.replace(/\s+/g, ' ')).toBe(text.replace(/\s+/g, ' '));
  expect(fitted).toContain('\n  --named failures');
  expect(fittedHelp(text, undefined)).toBe(text);
});
