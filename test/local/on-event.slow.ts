import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, jest, test } from '@jest/globals';
import { EventCommand } from '../../local/event-command.ts';
import { exampleEvents } from '../../local/event-reference.ts';
import { eventsIn } from './event-schemas.ts';
import { heldEndpoint } from './held-endpoint.ts';
import { cleanUp, endpointEnv, newFolder, recordOf, reviewsCsv, runProgram, startProgram } from './program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

let folder: string;
let file: string;
let out: string;
beforeEach(() => {
  folder = newFolder();
  file = join(folder, 'reviews.csv');
  out = join(folder, 'out');
  writeFileSync(file, reviewsCsv(30));
});
afterAll(cleanUp);

const args = (command: string, ...more: string[]) => [
  ...['run', file, '--batch-size', '10', '--concurrency', '3', '--json', '--out', out, '--on-event', command],
  ...more,
];
const told = () => readFileSync(join(folder, 'told'), 'utf8');
const typesOf = (lines: string) =>
  lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).type);

test('the command gets each event once, as it stands in events.jsonl; what it prints goes to stderr', async () => {
  const ended = await runProgram(args('cat >> told; echo "$HUNDREDFOLD_EVENT_TYPE of $HUNDREDFOLD_RUN_ID, $HUNDREDFOLD_EVENT_ID"'), {
    cwd: folder,
  });
  expect(ended.code).toBe(0);
  const { run_id } = recordOf(ended);
  expect(ended.stdout.trimEnd().split('\n')).toHaveLength(1);
  expect(told()).toBe(readFileSync(join(out, 'events.jsonl'), 'utf8'));
  expect(eventsIn(out).map(({ type }) => type)).toEqual(['Run Started', 'Run Completed']);
  expect(ended.stderr).toContain(`Run Started of ${run_id}, ${run_id}-1-started\n`);
  expect(ended.stderr).toContain(`Run Completed of ${run_id}, ${run_id}-1-complete\n`);
  expect(ended.stderr).not.toContain('Warning');
});

test('nothing of an event becomes part of the command', async () => {
  const name = '$(touch a) `touch b`; touch c; \'"$(touch d) && touch e.csv';
  file = join(folder, name);
  writeFileSync(file, reviewsCsv(10));
  const ended = await runProgram(args('cat >> told', '--dataset', '; touch f "$(touch g)'), { cwd: folder });
  expect(ended.code).toBe(0);
  const [event] = told().split('\n');
  expect(JSON.parse(String(event))).toMatchObject({ dataset: '; touch f "$(touch g)', source: { key: expect.stringContaining(name) } });
  expect(readdirSync(folder).sort()).toEqual([name, 'out', 'reviews.csv', 'told'].sort());
});

test('a command that fails is a warning with its exit code, each time, and changes nothing', async () => {
  const ended = await runProgram(args('cat > /dev/null; exit 3'));
  expect(ended.code).toBe(0);
  expect(recordOf(ended).status).toBe('complete');
  expect(ended.stderr.split('\n').filter((line) => line.startsWith('Warning'))).toEqual([
    'Warning: the --on-event command ended with exit code 3 ("Run Started").',
    'Warning: the --on-event command ended with exit code 3 ("Run Completed").',
  ]);
});

test('a command that is not there, or is killed, is a warning', async () => {
  const ended = await runProgram(args('[ "$HUNDREDFOLD_EVENT_TYPE" = "Run Started" ] && exec no-such-program; kill -TERM $$'));
  expect(ended.code).toBe(0);
  expect(ended.stderr).toContain('ended with exit code 127 ("Run Started")');
  expect(ended.stderr).toContain('was ended by SIGTERM ("Run Completed")');
});

test('a command that hangs is stopped with all that it has started; the run does not wait for it', async () => {
  // The program's stderr is open as long as anything that the command has started lives: the end would not come.
  const ended = await runProgram(args('sleep 600 & sleep 600', '--on-event-timeout', '1'));
  expect(ended.code).toBe(0);
  expect(recordOf(ended).status).toBe('complete');
  expect(ended.stderr).toContain('was stopped after 1 s ("Run Started")');
  expect(ended.stderr).toContain('was stopped after 1 s ("Run Completed")');
});

/** A command that notes its events, the first of them when the test lets it go. */
function held() {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const command = '[ "$HUNDREDFOLD_EVENT_TYPE" != "Run Started" ] || cat pipe > /dev/null; cat >> told';
  return { command, release: () => writeFile(pipe, '') };
}

test('the result is there while the command still works; it is told one event after the other', async () => {
  const { command, release } = held();
  const program = startProgram(args(command), { cwd: folder });
  await program.says('Complete');
  expect(existsSync(join(folder, 'told'))).toBe(false);
  await release();
  expect((await program.ended).code).toBe(0);
  expect(typesOf(told())).toEqual(['Run Started', 'Run Completed']);
});

test('Ctrl-C does not reach the command, which is told of the halt', async () => {
  const endpoint = await heldEndpoint();
  try {
    const { command, release } = held();
    const program = startProgram(args(command, '--concurrency', '2'), { cwd: folder, env: endpointEnv(endpoint), isGroup: true });
    await program.until(endpoint.arrived(2));
    // As a terminal does: to the whole group.
    process.kill(-program.child.pid!, 'SIGINT');
    await program.says('Stopping');
    endpoint.releaseAll();
    await release();
    const ended = await program.ended;
    expect(ended.code).toBe(4);
    expect(typesOf(told())).toEqual(['Run Started', 'Run Halted']);
    expect(ended.stderr).not.toContain('Warning');
  } finally {
    await endpoint.close();
  }
});

test('Ctrl-C while only the command is waited for ends the waiting; the exit code is that of the run', async () => {
  const program = startProgram(args('sleep 600'));
  await program.says('Complete');
  program.child.kill('SIGINT');
  const ended = await program.ended;
  expect(ended).toMatchObject({ code: 0, signal: null });
  expect(recordOf(ended).status).toBe('complete');
  expect(ended.stderr).toContain('was stopped ("Run Started")');
  expect(ended.stderr).toContain('was not run ("Run Completed")');
});

test('a second Ctrl-C leaves no command behind', async () => {
  const endpoint = await heldEndpoint();
  try {
    const program = startProgram(args('sleep 600'), { env: endpointEnv(endpoint) });
    await program.until(endpoint.arrived(3));
    program.child.kill('SIGINT');
    await program.says('Stopping');
    program.child.kill('SIGINT');
    expect((await program.ended).code).toBe(130);
  } finally {
    await endpoint.close();
  }
});

test('a run that never was has no event; an empty command is refused', async () => {
  const missing = await runProgram(['run', join(folder, 'nothing.csv'), '--out', out, '--on-event', 'touch told'], { cwd: folder });
  expect(missing.code).toBe(2);
  const empty = await runProgram(args(' '));
  expect(empty).toMatchObject({ code: 2, stdout: '' });
  expect(empty.stderr).toContain('It must be a command.');
  expect(readdirSync(folder)).toEqual(['reviews.csv']);
});

test('a command that reads nothing, of an event that no pipe holds, is no trouble', async () => {
  const warnings: string[] = [];
  const command = new EventCommand({ command: 'exec 0<&-', timeoutSeconds: 60, warn: (line) => warnings.push(line) });
  const { type, detail } = exampleEvents['Run Started'];
  command.tell({ type, time: '2026-11-26T00:00:00.000Z', ...detail, dataset: 'x'.repeat(4_000_000) });
  await command.ended();
  expect(warnings).toEqual([]);
});
