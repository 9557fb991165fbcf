import { describe, expect, test } from '@jest/globals';
import type { LocalFunction } from '../../../local/workflow/execution.ts';
import { FakeStore, jsonLines } from './fake-store.ts';
import { deferred, map, namedError, run, settle } from './run.ts';

function writer(WriterConfig?: Record<string, string>) {
  return {
    ResultWriter: {
      Resource: 'arn:aws:states:::s3:putObject',
      Arguments: { Bucket: 'work', Prefix: '{% "runs/" & $states.input.run %}' },
      ...(WriterConfig && { WriterConfig }),
    },
  };
}

/** Item 2 fails, item 3 yields a list, the others themselves. */
const work: LocalFunction = async (payload) => {
  if (payload === 2) throw namedError('Broken');
  return payload === 3 ? [3, [33]] : { item: payload };
};

async function written(fields: Record<string, unknown>, items: unknown[] = [1, 2, 3]) {
  const store = new FakeStore({ 'items.jsonl': jsonLines(items) });
  const M = map({ MaxConcurrency: 1, ToleratedFailurePercentage: 50, ...fields });
  const result = await run({ M }, { run: 'r1' }, { store: () => store, functions: { work } });
  const file = (name: string) => [...store.written].find(([key]) => key.endsWith(`/${name}`))?.[1];
  return { result, store, file };
}

describe('ResultWriter', () => {
  test('writes one record a child and a manifest, and yields where it is', async () => {
    const { result, store, file } = await written({ ...writer(), Label: 'Rows' });
    const keys = [...store.written.keys()].sort();
    expect(keys).toEqual(
      ['FAILED_0.json', 'SUCCEEDED_0.json', 'manifest.json'].map((name) => expect.stringMatching(`^runs/r1/[0-9a-f-]{36}/${name}$`)),
    );
    const mapRunId = keys[0]?.split('/')[2];
    const MapRunArn = `arn:aws:states:local:000000000000:mapRun:workflow/Rows:${mapRunId}`;
    expect(result.output).toEqual({ MapRunArn, ResultWriterDetails: { Bucket: 'work', Key: `runs/r1/${mapRunId}/manifest.json` } });

    const described = {
      ExecutionArn: expect.stringContaining(':execution:workflow/Rows:'),
      InputDetails: { Included: true },
      Name: expect.stringMatching(/^[0-9a-f-]{36}$/),
      StartDate: '2026-01-02T03:04:05.000Z',
      StateMachineArn: 'arn:aws:states:local:000000000000:stateMachine:workflow/Rows',
      StopDate: '2026-01-02T03:04:05.000Z',
    };
    expect(JSON.parse(file('SUCCEEDED_0.json') ?? '')).toEqual([
      { ...described, Input: '1', Output: '{"item":1}', OutputDetails: { Included: true }, Status: 'SUCCEEDED' },
      { ...described, Input: '3', Output: '[3,[33]]', OutputDetails: { Included: true }, Status: 'SUCCEEDED' },
    ]);
    expect(JSON.parse(file('FAILED_0.json') ?? '')).toEqual([
      { ...described, Input: '2', Status: 'FAILED', Error: 'Broken', Cause: '{"errorType":"Broken","errorMessage":"it broke"}' },
    ]);
    expect(JSON.parse(file('manifest.json') ?? '')).toEqual({
      DestinationBucket: 'work',
      MapRunArn,
      ResultFiles: {
        FAILED: [{ Key: `runs/r1/${mapRunId}/FAILED_0.json`, Size: file('FAILED_0.json')?.length }],
        PENDING: [],
        SUCCEEDED: [{ Key: `runs/r1/${mapRunId}/SUCCEEDED_0.json`, Size: file('SUCCEEDED_0.json')?.length }],
      },
    });
  });

  test('COMPACT keeps outputs only, FLATTEN also opens lists by one level; failed children stay described', async () => {
    const compact = await written(writer({ Transformation: 'COMPACT' }));
    expect(JSON.parse(compact.file('SUCCEEDED_0.json') ?? '')).toEqual([{ item: 1 }, [3, [33]]]);
    const flat = await written(writer({ Transformation: 'FLATTEN' }));
    expect(JSON.parse(flat.file('SUCCEEDED_0.json') ?? '')).toEqual([{ item: 1 }, 3, [33]]);
    expect(JSON.parse(flat.file('FAILED_0.json') ?? '')).toEqual([expect.objectContaining({ Input: '2', Status: 'FAILED' })]);
  });

  test('JSONL writes one value a line', async () => {
    const { file } = await written(writer({ OutputType: 'JSONL', Transformation: 'COMPACT' }));
    expect(file('SUCCEEDED_0.jsonl')).toBe('{"item":1}\n[3,[33]]\n');
    expect(file('FAILED_0.jsonl')?.split('\n')).toHaveLength(2);
  });

  test('writes no file for a status that no child has', async () => {
    const { store, file } = await written(writer(), [1]);
    expect(store.written.size).toBe(2);
    expect(JSON.parse(file('manifest.json') ?? '').ResultFiles.FAILED).toEqual([]);
    expect((await written(writer(), [])).store.written.size).toBe(1);
  });

  test('writes what is larger than its buffer, whole and in valid JSON', async () => {
    const items = Array.from({ length: 300 }, (_, index) => ({ index, text: 'ü'.repeat(3000) }));
    const store = new FakeStore({ 'items.jsonl': jsonLines(items) }, { chunkBytes: 65_536 });
    const M = map({ MaxConcurrency: 50, ...writer({ Transformation: 'COMPACT' }) });
    await run({ M }, { run: 'r1' }, { store: () => store, functions: { work: async (payload) => payload } });
    const [[, text] = []] = [...store.written].filter(([key]) => key.includes('SUCCEEDED'));
    const outputs: { index: number }[] = JSON.parse(text ?? '');
    expect(outputs.sort((a, b) => a.index - b.index)).toEqual(items);
  });

  test('holds children back while the store is slow, one write at a time', async () => {
    const gate = deferred<void>();
    let writing = 0;
    const store = new FakeStore({ 'items.jsonl': jsonLines(Array.from({ length: 40 }, (_, index) => index)) });
    store.beforeWrite = async () => {
      writing++;
      expect(writing).toBe(1);
      await gate.promise;
      writing--;
    };
    let calls = 0;
    const large: LocalFunction = async () => {
      calls++;
      return 'x'.repeat(100_000);
    };
    const M = map({ MaxConcurrency: 4, ...writer() });
    const running = run({ M }, { run: 'r1' }, { store: () => store, functions: { work: large } });
    await settle();
    // Three results fill the buffer; its write holds one child, the three others wait behind it.
    expect(calls).toBe(6);
    gate.resolve();
    expect((await running).status).toBe('SUCCEEDED');
    expect(calls).toBe(40);
  });

  test('that cannot write fails the Map, not the child, and leaves nothing half written', async () => {
    const store = new FakeStore({ 'items.jsonl': jsonLines([1]) });
    store.beforeWrite = () => Promise.reject(new Error('the disk is full'));
    const M = map({ ToleratedFailurePercentage: 100, ...writer() });
    const result = await run({ M }, { run: 'r1' }, { store: () => store, functions: { work } });
    expect(result).toEqual({ status: 'FAILED', error: 'States.ResultWriterFailed', cause: 'the disk is full' });
    expect(store.aborted).toEqual([expect.stringContaining('SUCCEEDED_0.json')]);
    expect(store.written.size).toBe(0);
  });

  test('exports what there is when too many children failed', async () => {
    const { result, file } = await written({ ...writer(), ToleratedFailurePercentage: 10 });
    expect(result.error).toBe('States.ExceedToleratedFailureThreshold');
    expect(JSON.parse(file('FAILED_0.json') ?? '')).toHaveLength(1);
    expect(JSON.parse(file('manifest.json') ?? '').ResultFiles.FAILED).toHaveLength(1);
  });
});
