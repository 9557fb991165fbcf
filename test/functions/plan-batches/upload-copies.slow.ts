import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { openUpload } from '../../../functions/plan-batches/open-upload.ts';
import { type PlanBatchesPorts, planBatches } from '../../../functions/plan-batches/plan-batches.ts';
import { stagedCopy } from '../../../functions/plan-batches/staged-copy.ts';
import { decompressed } from '../../../functions/plan-batches/upload-compression.ts';
import { claimAttempt } from '../../../functions/shared/attempt.ts';
import { MAX_EXPANSION, MIN_EXPANDED_BYTES } from '../../../functions/shared/limits.ts';
import { partKey, planKey, readableCopyKey } from '../../../functions/shared/object-keys.ts';
import { defaultSettings } from '../../../functions/shared/settings.ts';
import { memoryControl } from '../../../local/memory-control.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingEventSink } from '../../fakes/recording-event-sink.ts';
import { ACCEPTED_AT, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { utf16Bytes } from './table-writers.ts';
import { memorySource, openBytes, rowsOf } from './upload-source.ts';

const csv = `id,review\n${Array.from({ length: 300 }, (_, row) => `${row},größer als ${row}\n`).join('')}`;
const files: [name: string, content: Buffer][] = [
  ['july.csv.gz', gzipSync(csv)],
  ['july.csv', utf16Bytes(csv)],
  ['july-in-latin.csv', Buffer.from(csv, 'latin1')],
];
const KEY = readableCopyKey(RUN_ID, 0);

describe.each(files)('%s', (name, content) => {
  test('is copied once, as UTF-8; the copy is what is read from then on', async () => {
    const work = new MemoryStore('work');
    const first = await openUpload(memorySource(name, content), defaultSettings, undefined, stagedCopy(work, KEY));
    expect(work.text(KEY)).toBe(csv);
    const again = await openUpload(memorySource(name, content), defaultSettings, undefined, stagedCopy(work, KEY));
    expect(work.writtenKeys).toEqual([KEY]);
    const rows = await rowsOf(first);
    expect(rows).toEqual(await rowsOf(await openBytes('july.csv', csv)));
    expect(await rowsOf(again, rows[99]?.next)).toEqual(rows.slice(100));
  });

  test('is read alike where no copy is kept', async () => {
    const upload = await openBytes(name, content, {}, 1_000);
    const rows = await rowsOf(upload);
    expect(rows).toEqual(await rowsOf(await openBytes('july.csv', csv)));
    expect(await rowsOf(upload, rows[99]?.next)).toEqual(rows.slice(100));
  });

  test('a copy that breaks off is none: the next try makes it whole', async () => {
    const work = new MemoryStore('work');
    work.crashBefore(new RegExp(KEY));
    const open = () => openUpload(memorySource(name, content), defaultSettings, undefined, stagedCopy(work, KEY));
    await expect(open()).rejects.toMatchObject({ name: 'CrashError' });
    expect(work.keys()).toEqual([]);
    await open();
    expect(work.text(KEY)).toBe(csv);
  });

  test('is planned with its copy beside the parts, and goes on after every part as in one pass', async () => {
    const plan = async (isTimeShort: boolean) => {
      const input = new MemoryStore('input');
      const work = new MemoryStore('work');
      const versionId = input.seed(`support/${name}`, content);
      const run = sampleRun({ source: { bucket: 'input', key: `support/${name}`, versionId, bytes: content.length } });
      await claimAttempt(work, run.runId, { attempt: 1, owner: 'execution', acceptedAt: ACCEPTED_AT, settings: run.settings });
      const ports = { input, work, resultsBucket: 'results', control: memoryControl(), events: new RecordingEventSink(), concurrency: 10 };
      const all: PlanBatchesPorts = { ...ports, isTimeShort: () => isTimeShort };
      for (let part: number | null = null; ; ) {
        const { next, continueWithPart } = await planBatches({ run, level: 0, continueWithPart: part }, all);
        if (next !== 'plan') return work;
        part = continueWithPart;
      }
    };
    const whole = await plan(false);
    const pieces = await plan(true);
    expect(whole.jsonLines(partKey(RUN_ID, 0))).toHaveLength(300);
    expect(pieces.keys()).toEqual(whole.keys());
    expect(pieces.text(partKey(RUN_ID, 0))).toBe(whole.text(partKey(RUN_ID, 0)));
    expect(whole.json(planKey(RUN_ID))).toMatchObject({ format: 'csv', counts: { rowsIn: 300 } });
  });
});

test('a file that cannot be unpacked leaves no copy', async () => {
  const work = new MemoryStore('work');
  const cut = gzipSync(csv).subarray(0, -4);
  const opening = openUpload(memorySource('cut.csv.gz', cut), defaultSettings, undefined, stagedCopy(work, KEY));
  await expect(opening).rejects.toMatchObject({ name: 'InvalidUploadError', code: 'cut_short' });
  expect(work.keys()).toEqual([]);
});

test('what unpacks to far more than a table would is refused on the way', async () => {
  const zeros = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  async function* members() {
    for (let unpacked = 0; unpacked <= 2 * MIN_EXPANDED_BYTES; unpacked += 64 * 1024 * 1024) yield zeros;
  }
  const bytes = Math.floor(MIN_EXPANDED_BYTES / MAX_EXPANSION) - 1;
  let read = 0;
  const reading = async () => {
    for await (const chunk of decompressed({ fileName: 'zeros.gz', bytes }, 'gzip', members())) read += chunk.length;
  };
  await expect(reading()).rejects.toMatchObject({ name: 'InvalidUploadError', code: 'too_large_unpacked' });
  expect(read).toBeLessThanOrEqual(MIN_EXPANDED_BYTES);
}, 60_000);

test('an error of the store is no fault of the file', async () => {
  const source = memorySource('july.csv.gz', gzipSync(csv), 10);
  const failing = {
    ...source,
    async *open(start: number) {
      for await (const chunk of source.open(start)) {
        yield chunk;
        throw new Error('The connection was lost');
      }
    },
  };
  await expect(openUpload(failing, defaultSettings)).rejects.toThrow('connection');
});
