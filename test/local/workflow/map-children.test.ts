import { describe, expect, jest, test } from '@jest/globals';
import type { LocalFunction, StateEvent } from '../../../local/workflow/execution.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeStore, jsonLines, storeOf } from './fake-store.ts';
import { deferred, map, namedError, pass, run, settle, task } from './run.ts';

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
