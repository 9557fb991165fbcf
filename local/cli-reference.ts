import { writeFileSync } from 'node:fs';
import type { Command, Option } from 'commander';
import { kebabCase, settingNames } from '../functions/shared/settings.ts';
import { program } from './program.ts';
import { aliased, settingOption } from './setting-flags.ts';

/** The commands as their help lists them. */
export const commandsOf = (hundredfold: Command): readonly Command[] =>
  hundredfold.createHelp().visibleCommands(hundredfold).filter(isOurs);

/** Not the one that commander adds. */
const isOurs = (command: Command) => command.name() !== 'help';

/** What a command's help says after its flags: notes, examples, exit codes. */
export function afterText(command: Command): string {
  let printed = '';
  command.configureOutput({ writeOut: (text) => (printed += text) }).outputHelp();
  return printed.slice(command.helpInformation().length).trim();
}

const settingFlags = new Map(settingNames.map((name) => [settingOption(name).long, name]));
const isSetting = ({ long }: Option) => settingFlags.has(long);

const cell = (text: string) => text.replaceAll('|', '\\|');

function optionRows(command: Command): string[] {
  const help = command.createHelp();
  const options = help.visibleOptions(command).filter((option) => !isSetting(option) && option.long !== '--help');
  const described = [
    ...help.visibleArguments(command).map((argument) => [help.argumentTerm(argument), help.argumentDescription(argument)]),
    ...options.map((option) => [help.optionTerm(option), help.optionDescription(option)]),
  ];
  if (described.length === 0) return [];
  return [
    '| argument or flag | meaning |',
    '|---|---|',
    ...described.map(([term = '', text = '']) => `| \`${cell(term)}\` | ${cell(text)} |`),
    '',
  ];
}

/** All settings by a link, a few by their flags. */
function settingsLine(command: Command): string[] {
  const flags = command.options.filter(isSetting).map(({ long }) => `\`${long}\``);
  if (flags.length === 0) return [];
  const every = flags.length === settingNames.length ? 'all of them' : flags.join(', ');
  return [`[Settings](../README.md#settings): ${every}.`, ''];
}

/** Lines from `Examples:` to the next empty one are commands; the others are prose. */
function afterLines(command: Command): string[] {
  return afterText(command)
    .split('\n\n')
    .flatMap((paragraph) => {
      const [first, ...rest] = paragraph.split('\n');
      if (first !== 'Examples:') return [paragraph, ''];
      return ['```sh', ...rest.map((line) => line.trim().replace(/ {2,}(?=\S+( \S+)*$)/, (gap) => `${gap}# `)), '```', ''];
    });
}

const sectionOf = (command: Command): string[] => [
  `## ${command.name()}`,
  '',
  `${command.description().replace(/^./, (letter) => letter.toUpperCase())}.`,
  '',
  `\`hundredfold ${command.name()} ${command.usage()}\``,
  '',
  ...optionRows(command),
  ...settingsLine(command),
  ...afterLines(command),
];

/** The page of all commands, from the definitions that the command line itself has. */
export function cliReference(): string {
  const commands = commandsOf(program(() => {}));
  const aliases = aliased.map((name) => `\`--${kebabCase(name)}\` is \`${settingOption(name).long}\``);
  return `${[
    '# Commands',
    '',
    'Each is called as `npm run NAME -- ARGUMENTS`, and the first also as `npm start -- ARGUMENTS`; npm hands on only what follows the two hyphens.',
    'After `npm link` the same commands are there as `hundredfold NAME ARGUMENTS`, in any folder. `--help` after a command shows what stands here.',
    '',
    ...commands.map((command) => `- [${command.name()}](#${command.name()}): ${command.description()}`),
    '',
    ...commands.flatMap(sectionOf),
    `Settings are also taken by their own names: ${aliases.join(', ')}.`,
  ].join('\n')}\n`;
}

if (import.meta.main) writeFileSync(new URL('../docs/cli.md', import.meta.url), cliReference());
