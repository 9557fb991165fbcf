import { describe, expect, test } from '@jest/globals';
import { acceptUpload, objectCreatedEvent } from '../../../functions/accept-upload/accept-upload.ts';
import { closeAttempt } from '../../../functions/shared/attempt.ts';
import { type Run, runSchema, type SourcePart } from '../../../functions/shared/contract.ts';
import { STATE_PAYLOAD_BYTES } from '../../../functions/shared/limits.ts';
import { refusalKey, sourcePartsKey } from '../../../functions/shared/object-keys.ts';
import { FakeExecutions } from '../../fakes/fake-executions.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { FakeClock } from '../../local/workflow/fake-clock.ts';

const FOLDER = 'support/export/';

/** A bucket whose dataset `support` takes folders. */
function open(settings: string | null = '{"upload": "folder"}') {
  const input = new MemoryStore('input');
  const work = new MemoryStore('work');
  const executions = new FakeExecutions();
  const ports = { input, work, executions, clock: new FakeClock(), log: new RecordingLog(), endpoint: 'offline' };
  if (settings !== null) input.seed('support/_hundredfold.json', settings);
  /** Puts an object. @returns its event. */
  const drop = (key: string, body = 'id,review\n1,good\n', metadata: Record<string, string> = {}) =>
    objectCreatedEvent.parse({
      detail: { bucket: { name: 'input' }, object: { key, size: Buffer.byteLength(body), 'version-id': input.seed(key, body, metadata) } },
    });
  const accept = async (event: ReturnType<typeof drop>) => (await acceptUpload(event, ports))?.run;
  const started = (): Run[] => [...executions.inputs.values()].map((bytes) => runSchema.parse(JSON.parse(bytes)));
  const partsOf = (run: Run) => work.jsonLines<SourcePart>(sourcePartsKey(run.runId));
  return { input, work, executions, drop, accept, started, partsOf };
}

describe('in a dataset of folders', () => {
  test('single parts start nothing, and _SUCCESS starts one run of them all', async () => {
    const { drop, accept, started, partsOf } = open();
    const parts = ['part-1.csv', 'part-0.csv', 'dt=2026-01-01/part-0.csv'].map((name) => drop(FOLDER + name));
    for (const event of parts) expect(await accept(event)).toBeUndefined();
    expect(started()).toEqual([]);

    const run = (await accept(drop(`${FOLDER}_SUCCESS`, ''))) as Run;
    expect(started()).toEqual([run]);
    expect(run).toMatchObject({
      runId: expect.stringMatching(/^export-[0-9a-f]{16}$/),
      dataset: 'support',
      source: { bucket: 'input', key: FOLDER, versionId: 'v5', bytes: 51, parts: 3 },
      settings: { upload: 'folder' },
    });
    expect(partsOf(run)).toEqual([
      { key: 'dt=2026-01-01/part-0.csv', versionId: 'v4', bytes: 17 },
      { key: 'part-0.csv', versionId: 'v3', bytes: 17 },
      { key: 'part-1.csv', versionId: 'v2', bytes: 17 },
    ]);
  });

  test('the parts are in the order of their keys’ bytes', async () => {
    const { drop, accept, partsOf } = open();
    const names = ['\u{1f600}.csv', '\uff5e.csv', 'b.csv', 'a/z.csv', 'a-.csv', 'a0.csv', 'A.csv'];
    for (const name of names) drop(FOLDER + name);
    const run = (await accept(drop(`${FOLDER}_SUCCESS`, ''))) as Run;
    expect(partsOf(run).map(({ key }) => key)).toEqual(['A.csv', 'a-.csv', 'a/z.csv', 'a0.csv', 'b.csv', '\uff5e.csv', '\u{1f600}.csv']);
  });

  test('what writers leave beside the parts is none of them', async () => {
    const { drop, accept, partsOf } = open();
    const others = [
      '_committed_1',
      '.part-0.csv.crc',
      'part-0.csv.crc',
      '_temporary/0/part-0.csv',
      '.hive-staging/part-0.csv',
      'a/_SUCCESS',
      'sub/',
    ];
    for (const name of [...others, 'part-0.csv', '_year=2026/part-0.csv']) drop(FOLDER + name);
    drop(`${FOLDER}part-1.csv`, '');
    drop('support/export-2/part-0.csv');
    const run = (await accept(drop(`${FOLDER}_SUCCESS`, ''))) as Run;
    expect(partsOf(run).map(({ key }) => key)).toEqual(['_year=2026/part-0.csv', 'part-0.csv']);
  });

  test('the same event again starts the same run with the parts that were there first', async () => {
    const { input, drop, accept, executions, started, partsOf } = open();
    drop(`${FOLDER}part-0.csv`);
    const success = drop(`${FOLDER}_SUCCESS`, '');
    const run = (await accept(success)) as Run;
    const pinned = partsOf(run);
    drop(`${FOLDER}part-0.csv`, 'id,review\n1,rewritten and longer\n');
    drop(`${FOLDER}part-1.csv`);
    expect(await accept(success)).toEqual(run);
    expect(executions.starts).toEqual([`${run.runId}-1`, `${run.runId}-1`]);
    expect(started()).toHaveLength(1);
    expect(partsOf(run)).toEqual(pinned);
    expect(input.operations.filter((line) => line.startsWith('list'))).toHaveLength(1);
  });

  test('deliveries at once start one execution, of one list', async () => {
    const { drop, accept, started, partsOf } = open();
    drop(`${FOLDER}part-0.csv`);
    const success = drop(`${FOLDER}_SUCCESS`, '');
    await Promise.all(Array.from({ length: 5 }, () => accept(success)));
    expect(started().map((run) => partsOf(run))).toEqual([[expect.objectContaining({ key: 'part-0.csv' })]]);
  });

  test('a crash after the list was stored changes nothing', async () => {
    const { work, drop, accept, started } = open();
    drop(`${FOLDER}part-0.csv`);
    const success = drop(`${FOLDER}_SUCCESS`, '');
    work.crashAfter(/source\.jsonl/);
    await expect(accept(success)).rejects.toMatchObject({ name: 'CrashError' });
    drop(`${FOLDER}part-1.csv`);
    await accept(success);
    expect(started()).toEqual([expect.objectContaining({ source: expect.objectContaining({ parts: 1 }) })]);
  });

  test('a folder that is written again is a new run when its new _SUCCESS comes', async () => {
    const { work, drop, accept, started, partsOf } = open();
    drop(`${FOLDER}part-0.csv`);
    const before = (await accept(drop(`${FOLDER}_SUCCESS`, ''))) as Run;
    await closeAttempt(work, before.runId, 1, { status: 'complete', closedAt: '2026-11-23T00:00:00.000Z' });
    expect(await accept(drop(`${FOLDER}part-0.csv`, 'id,review\n1,better\n'))).toBeUndefined();
    const after = (await accept(drop(`${FOLDER}_SUCCESS`, ''))) as Run;
    expect(after.runId).not.toBe(before.runId);
    expect(started()).toHaveLength(2);
    expect(partsOf(before)[0]).not.toEqual(partsOf(after)[0]);
  });

  test('_SUCCESS before its parts is a run without parts, until it is uploaded again', async () => {
    const { drop, accept } = open();
    expect(await accept(drop(`${FOLDER}_SUCCESS`, ''))).toMatchObject({ source: { bytes: 0, parts: 0 } });
    drop(`${FOLDER}part-0.csv`);
    expect(await accept(drop(`${FOLDER}_SUCCESS`, ''))).toMatchObject({ source: { bytes: 17, parts: 1 } });
  });

  test('thousands of parts pass through the workflow as their number', async () => {
    const { drop, accept, executions } = open();
    for (let part = 0; part < 3_000; part++) drop(`${FOLDER}part-${part}-${'x'.repeat(80)}.csv`);
    expect(await accept(drop(`${FOLDER}_SUCCESS`, ''))).toMatchObject({ source: { parts: 3_000 } });
    expect(Buffer.byteLength([...executions.inputs.values()][0] as string)).toBeLessThan(STATE_PAYLOAD_BYTES / 100);
  });

  test('metadata of _SUCCESS are settings of the folder', async () => {
    const { drop, accept } = open();
    drop(`${FOLDER}part-0.csv`);
    expect(await accept(drop(`${FOLDER}_SUCCESS`, '', { 'hundredfold-batch-rows': '7' }))).toMatchObject({ settings: { batchRows: 7 } });
  });

  test('wrong settings refuse the folder once, and no part', async () => {
    const { input, work, drop, accept, started } = open('{"upload": "folder", "batchRows": 0}');
    expect(await accept(drop(`${FOLDER}part-0.csv`))).toBeUndefined();
    const run = (await accept(drop(`${FOLDER}_SUCCESS`, ''))) as Run;
    expect(started()).toEqual([run]);
    expect(work.json(refusalKey(run.runId))).toMatchObject({ origin: 'settings', reason: expect.stringContaining('batchRows') });
    expect(input.operations.some((line) => line.startsWith('list'))).toBe(false);
  });
});

test.each([null, '{}', '{"upload": "file"}', 'no JSON'])(
  'without the setting (%p) _SUCCESS starts nothing and each part its own run',
  async (settings) => {
    const { drop, accept, started } = open(settings);
    await accept(drop(`${FOLDER}part-0.csv`));
    await accept(drop(`${FOLDER}part-1.csv`));
    expect(await accept(drop(`${FOLDER}_SUCCESS`, ''))).toBeUndefined();
    expect(started().map(({ source }) => source.key)).toEqual([`${FOLDER}part-0.csv`, `${FOLDER}part-1.csv`]);
    expect(started().every(({ source }) => source.parts === undefined)).toBe(true);
  },
);

test('an object’s metadata cannot say what one upload is', async () => {
  const { work, drop, accept } = open('{}');
  const run = (await accept(drop('support/july.csv', 'x', { 'hundredfold-upload': 'folder' }))) as Run;
  expect(work.json(refusalKey(run.runId))).toMatchObject({ reason: expect.stringContaining('_hundredfold.json') });
});

test('the root of the bucket is no folder', async () => {
  const { input, work, drop, accept } = open();
  input.seed('_hundredfold.json', '{"upload": "folder"}');
  expect(await accept(drop('part-0.csv'))).toBeUndefined();
  const run = (await accept(drop('_SUCCESS', ''))) as Run;
  expect(run).toMatchObject({ dataset: 'default', source: { key: '/', parts: 0 } });
  expect(work.json(refusalKey(run.runId))).toMatchObject({ reason: expect.stringContaining('into a folder') });
});
