import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { RunEvent } from '../../functions/shared/run-event.ts';
import { exampleEvents } from '../../local/event-reference.ts';
import { fileEventSink, type LocalEvent } from '../../local/file-event-sink.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'event-sink-'));
});
afterEach(() => rm(folder, { recursive: true }));

const eventOf = (eventId: string): RunEvent => {
  const { type, detail } = exampleEvents['Run Started'];
  return { type, detail: { ...detail, eventId } };
};

const eventLines = async () => (await readFile(join(folder, 'events.jsonl'), 'utf8')).trimEnd().split('\n');
const idsIn = (lines: string[]) => lines.map((line) => JSON.parse(line).eventId);

test('an event is a line with its type, its time and its detail', async () => {
  const nested = join(folder, 'new', 'out');
  await fileEventSink(nested, { now: () => Date.UTC(2026, 10, 23) }).publish(eventOf('a'));
  expect(JSON.parse(await readFile(join(nested, 'events.jsonl'), 'utf8'))).toEqual({
    type: 'Run Started',
    time: '2026-11-23T00:00:00.000Z',
    ...eventOf('a').detail,
  });
  expect(await readdir(nested)).toEqual(['events.jsonl']);
});

test('an event is written once, by whichever sink', async () => {
  await fileEventSink(folder).publish(eventOf('a'));
  await fileEventSink(folder).publish(eventOf('b'));
  await fileEventSink(folder).publish(eventOf('a'));
  expect(idsIn(await eventLines())).toEqual(['a', 'b']);
});

test('whoever listens hears of an event once, as it was written', async () => {
  const heard: LocalEvent[] = [];
  const open = () => fileEventSink(folder, { onWritten: (event) => heard.push(event) });
  await open().publish(eventOf('a'));
  await open().publish(eventOf('b'));
  await open().publish(eventOf('a'));
  expect(heard).toEqual((await eventLines()).map((line) => JSON.parse(line)));
});

test('events published at once are all written, each once', async () => {
  const sink = fileEventSink(folder);
  await Promise.all(['a', 'b', 'a', 'c', 'b', 'a'].map((id) => sink.publish(eventOf(id))));
  expect(idsIn(await eventLines()).sort()).toEqual(['a', 'b', 'c']);
});

test('two processes write each event once', async () => {
  const sinkUrl = new URL('../../local/file-event-sink.ts', import.meta.url).href;
  const script = `
    const { fileEventSink } = await import(${JSON.stringify(sinkUrl)});
    const sink = fileEventSink(${JSON.stringify(folder)});
    const { type, detail } = ${JSON.stringify(eventOf(''))};
    for (let n = 0; n < 40; n += 1) await sink.publish({ type, detail: { ...detail, eventId: String(n) } });`;
  const publish = () => promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  await Promise.all([publish(), publish()]);
  expect(idsIn(await eventLines()).sort()).toEqual(Array.from({ length: 40 }, (_, n) => String(n)).sort());
});

test('a line that a killed process has left open harms no other', async () => {
  await writeFile(join(folder, 'events.jsonl'), `{"eventId":"a"}\n{"eventId":"b`);
  await fileEventSink(folder).publish(eventOf('b'));
  const lines = await eventLines();
  expect(lines.slice(0, 2)).toEqual(['{"eventId":"a"}', '{"eventId":"b']);
  expect(idsIn(lines.slice(2))).toEqual(['b']);
});

test('the lock of a killed process is broken', async () => {
  const lock = join(folder, 'events.jsonl.lock');
  await writeFile(lock, '');
  await utimes(lock, 1_000, 1_000);
  await fileEventSink(folder).publish(eventOf('a'));
  expect(idsIn(await eventLines())).toEqual(['a']);
});

test('a file that cannot be read is an error, not an empty file', async () => {
  await mkdir(join(folder, 'events.jsonl'));
  await expect(fileEventSink(folder).publish(eventOf('a'))).rejects.toMatchObject({ code: 'EISDIR' });
  expect(await readdir(folder)).toEqual(['events.jsonl']);
});
