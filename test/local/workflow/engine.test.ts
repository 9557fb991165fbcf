import { describe, expect, jest, test } from '@jest/globals';
import { loadWorkflow } from '../../../local/workflow/definition.ts';
import { runWorkflow } from '../../../local/workflow/engine.ts';
import type { LocalFunction, StateEvent } from '../../../local/workflow/execution.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeStore, jsonLines } from './fake-store.ts';
import { machine, map, namedError, run, settle, task } from './run.ts';

const recovering = { Retry: [{ ErrorEquals: ['States.ALL'] }], Catch: [{ ErrorEquals: ['States.ALL'], Next: 'End' }] };
const End = { Type: 'Succeed' };

describe('an abort', () => {
  test('before the start runs nothing', async () => {
    const work = jest.fn<LocalFunction>(async () => null);
    expect(await run({ A: task() }, {}, { signal: AbortSignal.abort(), functions: { work } })).toEqual({ status: 'ABORTED' });
    expect(work).not.toHaveBeenCalled();
  });

  test('between two states keeps the second from being entered', async () => {
    const abort = new AbortController();
    const entered: string[] = [];
    const onState = ({ type, state }: StateEvent) => {
      if (type === 'entered') entered.push(state);
      else abort.abort();
    };
    const A = { Type: 'Pass', Next: 'End' };
    expect(await run({ A, End }, {}, { signal: abort.signal, onState })).toEqual({ status: 'ABORTED' });
    expect(entered).toEqual(['A']);
  });

  test('reaches the function under way, and neither Retry nor Catch see it', async () => {
    const abort = new AbortController();
    const work = jest.fn<LocalFunction>((_, { signal }) => {
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(namedError('AbortError'))));
    });
    const running = run({ A: task(recovering), End }, {}, { signal: abort.signal, functions: { work } });
    await settle();
    abort.abort();
    expect(await running).toEqual({ status: 'ABORTED' });
    expect(work).toHaveBeenCalledTimes(1);
  });

  test('does not wait for a function that ignores it', async () => {
    const abort = new AbortController();
    const work = () => new Promise(() => undefined);
    const running = run({ A: task() }, {}, { signal: abort.signal, functions: { work } });
    await settle();
    abort.abort();
    expect(await running).toEqual({ status: 'ABORTED' });
  });

  test('ends a Wait and a retry that waits', async () => {
    const failing = () => Promise.reject(namedError('A'));
    for (const state of [{ Type: 'Wait', Seconds: 60, End: true }, task(recovering)]) {
      const abort = new AbortController();
      const clock = new FakeClock();
      const running = run({ A: state, End }, {}, { clock, signal: abort.signal, functions: { work: failing } });
      await settle();
      expect(clock.sleeping).toBe(1);
      abort.abort();
      expect(await running).toEqual({ status: 'ABORTED' });
      expect(clock.sleeping).toBe(0);
    }
  });

  test('stops the children of a Map and starts no more', async () => {
    const abort = new AbortController();
    const signals: AbortSignal[] = [];
    const work: LocalFunction = (_, { signal }) => {
      signals.push(signal);
      return new Promise(() => undefined);
    };
    const store = new FakeStore({ 'items.jsonl': jsonLines([1, 2, 3, 4, 5]) });
    const M = map({ MaxConcurrency: 2, ToleratedFailurePercentage: 100, ...recovering });
    const running = run({ M, End }, {}, { signal: abort.signal, store: () => store, functions: { work } });
    await settle();
    abort.abort();
    expect(await running).toEqual({ status: 'ABORTED' });
    await settle();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });

  test('leaves a store that hangs', async () => {
    const abort = new AbortController();
    const store = new FakeStore({
      'items.jsonl': () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) }),
    });
    const running = run({ M: map() }, {}, { signal: abort.signal, store: () => store, functions: { work: async () => null } });
    await settle();
    abort.abort();
    expect(await running).toEqual({ status: 'ABORTED' });
  });

  test('after the end changes nothing and is no longer listened to', async () => {
    const abort = new AbortController();
    const removed = jest.spyOn(abort.signal, 'removeEventListener');
    expect((await run({ End }, {}, { signal: abort.signal })).status).toBe('SUCCEEDED');
    expect(removed).toHaveBeenCalledTimes(1);
  });
});

describe('TimeoutSeconds of the workflow', () => {
  const timed = (states: Record<string, unknown>) => loadWorkflow({ ...machine(states), TimeoutSeconds: 100 });

  test('ends the run as TIMED_OUT, which nothing catches', async () => {
    const clock = new FakeClock();
    const signals: AbortSignal[] = [];
    const work: LocalFunction = (_, { signal }) => {
      signals.push(signal);
      return new Promise(() => undefined);
    };
    const options = { name: 'n', clock, store: () => new FakeStore({}), functions: { work } };
    const running = runWorkflow(timed({ A: task(recovering), End }), {}, options);
    await settle();
    clock.advance(100);
    expect(await running).toEqual({ status: 'TIMED_OUT', error: 'States.Timeout', cause: 'the execution took more than 100 s' });
    expect(signals[0]?.aborted).toBe(true);
  });

  test('leaves no timer behind', async () => {
    const clock = new FakeClock();
    await runWorkflow(timed({ End }), {}, { name: 'n', clock, store: () => new FakeStore({}), functions: {} });
    expect(clock.sleeps).toEqual([100]);
    expect(clock.sleeping).toBe(0);
  });
});

test('a defect of the caller is thrown, not reported as a failed run', async () => {
  const onState = () => {
    throw new TypeError('a broken listener');
  };
  await expect(run({ End }, {}, { onState })).rejects.toThrow('a broken listener');
});

test('a workflow runs many times, at once too', async () => {
  const workflow = loadWorkflow(
    machine({
      A: { Type: 'Pass', Assign: { n: '{% $states.input %}' }, Next: 'B' },
      B: { Type: 'Pass', Output: '{% $n * 2 %}', End: true },
    }),
  );
  const options = { name: 'n', clock: new FakeClock(), store: () => new FakeStore({}), functions: {} };
  const results = await Promise.all([1, 2, 3].map((n) => runWorkflow(workflow, n, options)));
  expect(results.map(({ output }) => output)).toEqual([2, 4, 6]);
});
