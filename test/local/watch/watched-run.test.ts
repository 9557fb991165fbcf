import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { closeAttempt } from '../../../functions/shared/attempt.ts';
import { runPrefix, runRecordKey } from '../../../functions/shared/object-keys.ts';
import type { Clock } from '../../../functions/shared/ports.ts';
import { directoryStore } from '../../../local/directory-store.ts';
import { localStores } from '../../../local/local-stores.ts';
import { AcceptedUploads } from '../../../local/watch/accepted-uploads.ts';
import { filesBelow } from '../../../local/watch/folder-scan.ts';
import { type SeenUpload, uploadsAmong } from '../../../local/watch/seen-uploads.ts';
import { HALT_PAUSE_MS, nextRun, type WatchedFolder } from '../../../local/watch/watched-run.ts';
import { cleanUp, newFolder, reviewsCsv } from '../program.ts';

afterAll(cleanUp);

const NOON = Date.parse('2026-11-26T12:00:00Z');
let now: number;
const clock: Clock = { now: () => now, sleep: async () => {} };
const meter = { copying() {}, bytesCopied() {} };

let folder: WatchedFolder;
beforeEach(() => {
  now = NOON;
  const path = newFolder();
  const out = newFolder();
  const endpoint = 'https://api.openai.com/v1';
  const accepted = new AcceptedUploads(directoryStore(join(out, 'watched'), 'watched'), endpoint);
  folder = {
    path,
    out,
    endpoint,
    accepted,
    clock,
    settings: {},
    stores: localStores(out),
    signatureOf: async () => (await seen()).signature,
  };
  writeFileSync(join(path, 'july.csv'), reviewsCsv(3));
});

const seen = async (): Promise<SeenUpload> => uploadsAmong(await filesBelow(folder.path), () => undefined)[0]!;
const next = async (changes: Partial<WatchedFolder> = {}) => nextRun(await seen(), { ...folder, ...changes }, meter);

async function claimed() {
  const found = await next();
  if (found.kind !== 'run') throw new Error(`It is ${found.kind}`);
  return found.run;
}

/** The attempt ends as its owner would have ended it. */
async function end(
  runId: string,
  attempt: number,
  status: 'complete' | 'halted' | 'partial' | 'rejected',
  stopReason: string | null = null,
) {
  await folder.stores.work.put(runRecordKey(runId), JSON.stringify({ status, stop_reason: stopReason }));
  await closeAttempt(folder.stores.work, runId, attempt, { status, closedAt: new Date(now).toISOString() });
}

test('a version has one run, whatever settings the next start has; other words have another', async () => {
  const run = await claimed();
  expect(run).toMatchObject({ attempt: 1, dataset: 'default', source: { key: 'july.csv' } });
  await end(run.runId, 1, 'complete');
  expect(await next()).toEqual({ kind: 'complete' });
  expect(await next({ settings: { model: 'gpt-5.4-mini' } })).toEqual({ kind: 'complete' });
  // The same words at another time.
  writeFileSync(join(folder.path, 'july.csv'), reviewsCsv(3));
  expect(await next({ settings: { model: 'gpt-5.4-mini' } })).toEqual({ kind: 'complete' });
  writeFileSync(join(folder.path, 'july.csv'), reviewsCsv(4));
  const other = await claimed();
  expect(other.runId).not.toBe(run.runId);
});

test('what was interrupted goes on at once; what the endpoint halted after a pause; a budget only with a higher cap; a breaker by people', async () => {
  const run = await claimed();
  await end(run.runId, 1, 'halted', 'interrupted');
  expect(await claimed()).toMatchObject({ runId: run.runId, attempt: 2 });

  await end(run.runId, 2, 'halted', 'quota_exhausted: insufficient_quota');
  expect(await next()).toMatchObject({ kind: 'paused', until: NOON + HALT_PAUSE_MS });
  now += HALT_PAUSE_MS;
  expect(await claimed()).toMatchObject({ runId: run.runId, attempt: 3 });

  await end(run.runId, 3, 'halted', 'budget_exceeded');
  now += 10 * HALT_PAUSE_MS;
  expect(await next()).toMatchObject({ kind: 'ended', status: 'halted' });
  const raised = await next({ settings: { maxCostUsd: 2 } });
  expect(raised).toMatchObject({ kind: 'run', run: { attempt: 4, settings: { maxCostUsd: 2 } } });

  await end(run.runId, 4, 'halted', 'breaker: 30 of the first 30 batches failed');
  now += 10 * HALT_PAUSE_MS;
  expect(await next()).toMatchObject({ kind: 'ended', status: 'halted' });
});

test('a partial run is left to people; a refused one is another run under other settings', async () => {
  const run = await claimed();
  await end(run.runId, 1, 'rejected', 'There is no column "comment"');
  expect(await next()).toMatchObject({ kind: 'ended', status: 'rejected', reason: 'There is no column "comment"' });
  const mended = await next({ settings: { textColumn: 'review' } });
  expect(mended).toMatchObject({ kind: 'run', run: { attempt: 1, settings: { textColumn: 'review' } } });
  if (mended.kind === 'run') await end(mended.run.runId, 1, 'partial');
  expect(await next({ settings: { textColumn: 'review' } })).toMatchObject({ kind: 'ended', status: 'partial' });
});

test('a file that changes while it is copied has no run', async () => {
  expect(await next({ signatureOf: async () => 'another' })).toEqual({ kind: 'changed' });
  expect(await folder.accepted.find('july.csv')).toBeUndefined();
});

test('what was forgotten does not come back by itself, nor do its words', async () => {
  const run = await claimed();
  await end(run.runId, 1, 'complete');
  const keys: string[] = [];
  for await (const { key } of folder.stores.work.list(runPrefix(run.runId))) keys.push(key);
  await folder.stores.work.delete(keys);
  await folder.stores.input.delete(['july.csv']);
  expect(await next()).toEqual({ kind: 'forgotten', runId: run.runId });
  writeFileSync(join(folder.path, 'july.csv'), reviewsCsv(3));
  expect(await next()).toEqual({ kind: 'forgotten', runId: run.runId });
  expect(await folder.stores.input.head('july.csv')).toBeUndefined();
});

test('what a killed process had claimed counts as begun: forgotten, it does not come back either', async () => {
  const run = await claimed();
  const before = (await folder.accepted.find('july.csv'))!;
  await folder.accepted.keep('july.csv', { ...before, isStarted: false });
  await end(run.runId, 1, 'complete');
  expect(await next()).toEqual({ kind: 'complete' });
  const keys: string[] = [];
  for await (const { key } of folder.stores.work.list(runPrefix(run.runId))) keys.push(key);
  await folder.stores.work.delete(keys);
  expect(await next()).toEqual({ kind: 'forgotten', runId: run.runId });
});

test('wrong settings of the dataset are a sentence that names them', async () => {
  writeFileSync(join(folder.path, '_hundredfold.json'), '{"batchRow": 5}');
  await expect(nextRun({ ...(await seen()) }, folder, meter)).rejects.toThrow('there is no setting "batchRow"');
});
