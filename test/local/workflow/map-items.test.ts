import { describe, expect, test } from '@jest/globals';
import type { LocalFunction } from '../../../local/workflow/execution.ts';
import { FakeStore, storeOf } from './fake-store.ts';
import { map, pass, run } from './run.ts';

describe('the items of a Map', () => {
  test('come one a line, whatever the chunks, and results keep their order', async () => {
    const items = [{ id: 'ä€😀' }, 2, 'three', null, [4], false];
    for (const chunkBytes of [1, 2, 3, 7, 1000]) {
      expect(await run({ M: map({}, { A: pass }) }, {}, { store: storeOf(items, chunkBytes) })).toEqual({
        status: 'SUCCEEDED',
        output: items,
      });
    }
  });

  test('may end without a line feed and have carriage returns and empty lines', async () => {
    expect((await run({ M: map({}, { A: pass }) }, {}, { store: storeOf('1\r\n\r\n\n2') })).output).toEqual([1, 2]);
  });

  test('may be none', async () => {
    expect((await run({ M: map({}, { A: pass }) }, {}, { store: storeOf('') })).output).toEqual([]);
  });

  test('are found by expressions', async () => {
    const buckets: string[] = [];
    const fields = map({}, { A: pass });
    fields.ItemReader = {
      ...(fields.ItemReader as object),
      Arguments: { Bucket: '{% $states.input.bucket %}', Key: '{% $states.input.key %}' },
    };
    const store = (bucket: string) => {
      buckets.push(bucket);
      return new FakeStore({ 'a/b.jsonl': '1\n' });
    };
    expect((await run({ M: fields }, { bucket: 'my', key: 'a/b.jsonl' }, { store })).output).toEqual([1]);
    expect(buckets).toEqual(['my']);
  });

  test.each([
    ['there is no object', () => new FakeStore({}), 'no object items.jsonl'],
    ['a line is no JSON', storeOf('1\n{"a":\n3\n'), 'line 2 is not JSON'],
    ['the last line is no JSON', storeOf('1\nx'), 'line 2 is not JSON'],
    [
      'a byte is no UTF-8',
      () =>
        new FakeStore({
          'items.jsonl': async function* () {
            yield Uint8Array.of(0x31, 0x0a, 0xff, 0x0a);
          },
        }),
      'not UTF-8',
    ],
    ['a line is longer than 8 MiB', storeOf('x'.repeat(9 * 1024 * 1024), 1024 * 1024), 'line 1 is longer than 8 MiB'],
    [
      'there is no such bucket',
      () => {
        throw new Error('no bucket work');
      },
      'no bucket work',
    ],
  ])('fail the reader where %s, which can be caught', async (_, store, cause) => {
    expect(await run({ M: map({ MaxConcurrency: 1 }, { A: pass }) }, {}, { store })).toEqual({
      status: 'FAILED',
      error: 'States.ItemReaderFailed',
      cause: expect.stringContaining(cause),
    });
    const Catch = [{ ErrorEquals: ['States.ItemReaderFailed'], Next: 'B', Output: 'caught' }];
    expect(await run({ M: map({ Catch }, { A: pass }), B: pass }, {}, { store })).toMatchObject({ output: 'caught' });
  });

  test('stop the children that run when a later line is broken', async () => {
    const signals: AbortSignal[] = [];
    const work: LocalFunction = (_, { signal }) => {
      signals.push(signal);
      return new Promise(() => undefined);
    };
    const result = await run({ M: map() }, {}, { store: storeOf('1\nx\n'), functions: { work } });
    expect(result).toMatchObject({ error: 'States.ItemReaderFailed' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });
});

describe('ItemSelector and ItemBatcher', () => {
  test('the selector sees the item, its index, the input and the variables of the workflow', async () => {
    const ItemSelector = {
      item: '{% $states.context.Map.Item.Value.n %}',
      index: '{% $states.context.Map.Item.Index %}',
      run: '{% $run %}',
      input: '{% $states.input %}',
    };
    const states = { First: { Type: 'Pass', Assign: { run: 'r' }, Next: 'M' }, M: map({ ItemSelector }, { A: pass }) };
    expect((await run(states, 'in', { store: storeOf([{ n: 5 }, { n: 6 }]) })).output).toEqual([
      { item: 5, index: 0, run: 'r', input: 'in' },
      { item: 6, index: 1, run: 'r', input: 'in' },
    ]);
  });

  test('a batch holds at most MaxItemsPerBatch items as selected, the last one fewer', async () => {
    const fields = {
      ItemSelector: '{% $states.context.Map.Item.Value * 10 %}',
      ItemBatcher: { MaxItemsPerBatch: '{% $states.input.size %}', BatchInput: { run: '{% $states.input.run %}' } },
    };
    expect((await run({ M: map(fields, { A: pass }) }, { size: 2, run: 'r' }, { store: storeOf([1, 2, 3]) })).output).toEqual([
      { BatchInput: { run: 'r' }, Items: [10, 20] },
      { BatchInput: { run: 'r' }, Items: [30] },
    ]);
  });

  test('a batch without BatchInput has none', async () => {
    const ItemBatcher = { MaxItemsPerBatch: 5 };
    expect((await run({ M: map({ ItemBatcher }, { A: pass }) }, {}, { store: storeOf([1]) })).output).toEqual([{ Items: [1] }]);
  });

  test('a batch is cut before it passes MaxInputBytesPerBatch, to the byte', async () => {
    // {"Items":["aa","bb"]} has 21 bytes.
    const batches = async (MaxInputBytesPerBatch: number) =>
      (await run({ M: map({ ItemBatcher: { MaxInputBytesPerBatch } }, { A: pass }) }, {}, { store: storeOf(['aa', 'bb', 'cc']) })).output;
    expect(await batches(21)).toEqual([{ Items: ['aa', 'bb'] }, { Items: ['cc'] }]);
    expect(await batches(20)).toEqual([{ Items: ['aa'] }, { Items: ['bb'] }, { Items: ['cc'] }]);
  });

  test('an item that fits no batch is an error', async () => {
    const result = await run({ M: map({ ItemBatcher: { MaxInputBytesPerBatch: 15 } }, { A: pass }) }, {}, { store: storeOf(['aa']) });
    expect(result).toMatchObject({ error: 'States.DataLimitExceeded', cause: expect.stringContaining('MaxInputBytesPerBatch is 15') });
  });

  test('batches shrink to 256 KiB', async () => {
    const items = ['x', 'y', 'z'].map((letter) => letter.repeat(120_000));
    const sizes: number[] = [];
    const work: LocalFunction = async (payload) => sizes.push((payload as { Items: unknown[] }).Items.length);
    await run({ M: map({ ItemBatcher: { MaxItemsPerBatch: 3 } }) }, {}, { store: storeOf(items, 65_536), functions: { work } });
    expect(sizes).toEqual([2, 1]);
  });

  test.each(['{% 0 %}', '{% 2.5 %}', '{% "2" %}'])('MaxItemsPerBatch of %s is refused', async (MaxItemsPerBatch) => {
    const result = await run({ M: map({ ItemBatcher: { MaxItemsPerBatch } }, { A: pass }) }, {}, { store: storeOf([1]) });
    expect(result).toMatchObject({ error: 'States.QueryEvaluationError', cause: expect.stringContaining('ItemBatcher.MaxItemsPerBatch') });
  });
});
