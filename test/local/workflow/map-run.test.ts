import { describe, expect, jest, test } from '@jest/globals';
import type { LocalFunction, StateEvent } from '../../../local/workflow/execution.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeStore, jsonLines } from './fake-store.ts';
import { deferred, map, namedError, run, settle, task } from './run.ts';

const pass = { Type: 'Pass', End: true };

function storeOf(items: readonly unknown[] | string, chunkBytes = 16): () => FakeStore {
  const text = typeof items === 'string' ? items : jsonLines(items);
  return () => new FakeStore({ 'items.jsonl': text }, { chunkBytes });
}

/** Number lines in chunks of so many, counting how many have been handed out. */
function endlessStore(count: number, itemsPerChunk: number) {
  const pulled = { items: 0 };
  const store = new FakeStore({
    'items.jsonl': async function* () {
      while (pulled.items < count) {
        const size = Math.min(itemsPerChunk, count - pulled.items);
        yield new TextEncoder().encode(jsonLines(Array.from({ length: size }, (_, index) => pulled.items + index)));
        pulled.items += size;
      }
    },
  });
  return { store: () => store, pulled };
}

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

describe('a child', () => {
  test('is an execution of its own, with its own input, context and variables', async () => {
    const child = {
      A: { Type: 'Pass', Assign: { mine: '{% $states.input %}' }, Output: 'changed', Next: 'B' },
      B: {
        ...pass,
        Output: { mine: '{% $mine %}', execution: '{% $states.context.Execution %}', machine: '{% $states.context.StateMachine.Name %}' },
      },
    };
    const { output } = await run({ M: map({ Label: 'Rows' }, child) }, 'outer', { store: storeOf([1, 2]) });
    expect(output).toEqual(
      [1, 2].map((item) => ({
        mine: item,
        machine: 'workflow/Rows',
        execution: expect.objectContaining({
          Input: item,
          Id: expect.stringMatching(/^arn:aws:states:local:000000000000:execution:workflow\/Rows:[0-9a-f-]{36}$/),
          Name: expect.stringMatching(/^[0-9a-f-]{36}$/),
        }),
      })),
    );
  });

  test('retries and catches on its own, and reports as a child', async () => {
    const seen = new Map<unknown, number>();
    const work: LocalFunction = async (payload) => {
      seen.set(payload, (seen.get(payload) ?? 0) + 1);
      if (payload === 2) throw namedError('Broken');
      return 'fine';
    };
    const events: StateEvent[] = [];
    const child = {
      Work: task({
        Output: '{% $states.result.Payload %}',
        Retry: [{ ErrorEquals: ['Broken'], MaxAttempts: 1 }],
        Catch: [{ ErrorEquals: ['Broken'], Next: 'Failed', Output: '{% $states.errorOutput.Error %}' }],
      }),
      Failed: { ...pass, Output: { failed: '{% $states.input %}' } },
    };
    const result = await run(
      { M: map({}, child) },
      {},
      { store: storeOf([1, 2]), functions: { work }, onState: (event) => events.push(event) },
    );
    expect(result.output).toEqual(['fine', { failed: 'Broken' }]);
    expect([...seen]).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(events.filter(({ depth }) => depth === 'parent').map(({ state }) => state)).toEqual(['M', 'M']);
    expect(events.filter(({ type }) => type === 'caught')).toEqual([{ type: 'caught', state: 'Work', depth: 'child', error: 'Broken' }]);
  });

  test('may wait and go back, while others go on', async () => {
    const clock = new FakeClock();
    const done: unknown[] = [];
    const asked = new Set<unknown>();
    const work: LocalFunction = async (payload) => {
      if (payload === 1 && !asked.has(payload)) {
        asked.add(payload);
        return { wait: 9 };
      }
      done.push(payload);
      return { wait: 0 };
    };
    const child = {
      Work: task({ Output: { item: '{% $states.input %}', wait: '{% $states.result.Payload.wait %}' }, Next: 'Ready' }),
      Ready: { Type: 'Choice', Choices: [{ Condition: '{% $states.input.wait > 0 %}', Next: 'Wait' }], Default: 'Done' },
      Wait: { Type: 'Wait', Seconds: '{% $states.input.wait %}', Output: '{% $states.input.item %}', Next: 'Work' },
      Done: { Type: 'Succeed' },
    };
    const running = run({ M: map({}, child) }, {}, { clock, store: storeOf([1, 2]), functions: { work } });
    await settle();
    expect(done).toEqual([2]);
    clock.advance(9);
    expect((await running).status).toBe('SUCCEEDED');
    expect(done).toEqual([2, 1]);
  });
});

test('results are in item order whatever the order in which children end', async () => {
  const gates = [deferred<string>(), deferred<string>(), deferred<string>()];
  const work: LocalFunction = (payload) => gates[payload as number]?.promise ?? Promise.reject(payload);
  const running = run({ M: map() }, {}, { store: storeOf([0, 1, 2]), functions: { work } });
  for (const index of [2, 0, 1]) {
    await settle();
    gates[index]?.resolve(`result ${index}`);
  }
  expect((await running).output).toEqual(['result 0', 'result 1', 'result 2']);
});

describe('concurrency', () => {
  test('is kept full and never exceeded, without waves', async () => {
    const gates = new Map<number, ReturnType<typeof deferred<null>>>();
    const work: LocalFunction = (payload) => {
      const gate = deferred<null>();
      gates.set(payload as number, gate);
      return gate.promise;
    };
    const items = Array.from({ length: 50 }, (_, index) => index);
    const running = run(
      { M: map({ MaxConcurrency: '{% $states.input.width %}' }) },
      { width: 4 },
      { store: storeOf(items), functions: { work } },
    );
    for (let finished = 0; finished < 50; finished++) {
      await settle();
      expect(gates.size).toBe(Math.min(4, 50 - finished));
      // The youngest ends first: a slot is filled again although older children still run.
      const youngest = Math.max(...gates.keys());
      gates.get(youngest)?.resolve(null);
      gates.delete(youngest);
    }
    expect((await running).output).toHaveLength(50);
  });

  test.each([0, 20_000])('of %d means 10,000', async (MaxConcurrency) => {
    let isOpen = false;
    let calls = 0;
    const gate = deferred<null>();
    const work: LocalFunction = () => {
      calls++;
      return isOpen ? Promise.resolve(null) : gate.promise;
    };
    const { store } = endlessStore(10_500, 100);
    const running = run({ M: map({ MaxConcurrency }) }, {}, { store, functions: { work } });
    await settle();
    expect(calls).toBe(10_000);
    isOpen = true;
    gate.resolve(null);
    await running;
    expect(calls).toBe(10_500);
  });

  test('does not read ahead: of 10,000 items no more than a chunk is pulled before a slot is free', async () => {
    const { store, pulled } = endlessStore(10_000, 50);
    let started = 0;
    let farthestAhead = 0;
    const work: LocalFunction = async () => {
      farthestAhead = Math.max(farthestAhead, pulled.items - started);
      started++;
    };
    const child = { Work: task({ Output: '{% $states.result.StatusCode %}' }) };
    const fields = {
      MaxConcurrency: 10,
      ItemBatcher: { MaxItemsPerBatch: 1 },
      ResultWriter: {
        Resource: 'arn:aws:states:::s3:putObject',
        Arguments: { Bucket: 'work', Prefix: 'out' },
        WriterConfig: { Transformation: 'COMPACT' },
      },
    };
    const result = await run({ M: map(fields, child) }, {}, { store, functions: { work } });
    expect(result.status).toBe('SUCCEEDED');
    expect(started).toBe(10_000);
    expect(farthestAhead).toBeLessThanOrEqual(50 + 2);
  }, 60_000);

  test.each(['{% -1 %}', '{% 1.5 %}', '{% null %}'])('of %s is refused', async (MaxConcurrency) => {
    const result = await run({ M: map({ MaxConcurrency }, { A: pass }) }, {}, { store: storeOf([1]) });
    expect(result).toMatchObject({ error: 'States.QueryEvaluationError', cause: expect.stringContaining('"MaxConcurrency"') });
  });
});

describe('failed children', () => {
  /** Fails the items below `bad`. */
  const failingBelow =
    (bad: number): LocalFunction =>
    async (payload) => {
      if ((payload as number) < bad) throw namedError('Broken');
      return payload;
    };
  const tenItems = storeOf(Array.from({ length: 10 }, (_, index) => index));

  test('by default fail the Map at the first one, stop the others and start no more', async () => {
    const signals: AbortSignal[] = [];
    const work = jest.fn<LocalFunction>((payload, { signal }) => {
      signals.push(signal);
      return payload === 0 ? Promise.reject(namedError('Broken')) : new Promise(() => undefined);
    });
    const { store } = endlessStore(1000, 1);
    expect(await run({ M: map({ MaxConcurrency: 5 }) }, {}, { store, functions: { work } })).toEqual({
      status: 'FAILED',
      error: 'States.ExceedToleratedFailureThreshold',
      cause: expect.stringMatching(/^1 of \d+ children failed, 0 % are tolerated$/),
    });
    expect(work.mock.calls.length).toBeLessThanOrEqual(6);
    expect(signals.every(({ aborted }, index) => index === 0 || aborted)).toBe(true);
  });

  test.each([
    [30, 3, 'SUCCEEDED'],
    [30, 4, 'FAILED'],
    [99, 10, 'FAILED'],
    [100, 10, 'SUCCEEDED'],
    ['{% $states.input.tolerated %}', 5, 'SUCCEEDED'],
    ['{% $states.input.tolerated %}', 6, 'FAILED'],
  ])('with a tolerance of %s %% and %d of 10 failed: %s', async (ToleratedFailurePercentage, bad, status) => {
    const result = await run(
      { M: map({ ToleratedFailurePercentage }) },
      { tolerated: 50 },
      { store: tenItems, functions: { work: failingBelow(bad) } },
    );
    expect(result.status).toBe(status);
  });

  test('within the tolerance are described in the result, at their place', async () => {
    const fields = { ToleratedFailurePercentage: 50, Label: 'Rows' };
    const { output } = await run({ M: map(fields) }, {}, { store: storeOf([0, 1]), functions: { work: failingBelow(1) } });
    expect(output).toEqual([expect.objectContaining({ Status: 'FAILED', Error: 'Broken', Input: '0' }), 1]);
  });

  test('can be caught and retried on the Map, which then starts all of them again', async () => {
    let calls = 0;
    const work: LocalFunction = async () => {
      calls++;
      if (calls === 2) throw namedError('Broken');
      return calls;
    };
    const Retry = [{ ErrorEquals: ['States.ExceedToleratedFailureThreshold'], MaxAttempts: 1 }];
    const options = { store: storeOf([1, 2]), functions: { work } };
    expect((await run({ M: map({ Retry, MaxConcurrency: 1 }) }, {}, options)).output).toEqual([3, 4]);
  });

  test('count when a child runs into States.Runtime or a Fail state', async () => {
    const child = { A: { Type: 'Fail', Error: 'Stop' } };
    expect((await run({ M: map({ ToleratedFailurePercentage: 100 }, child) }, {}, { store: storeOf([1]) })).output).toEqual([
      expect.objectContaining({ Error: 'Stop' }),
    ]);
    const work = async () => 1n;
    expect((await run({ M: map({ ToleratedFailurePercentage: 100 }) }, {}, { store: storeOf([1]), functions: { work } })).output).toEqual([
      expect.objectContaining({ Error: 'States.Runtime' }),
    ]);
  });
});
