import { describe, expect, jest, test } from '@jest/globals';
import type { LocalFunction, StateEvent } from '../../../local/workflow/execution.ts';
import { FakeClock } from './fake-clock.ts';
import { namedError, run, settle, task } from './run.ts';

const end = { Type: 'Succeed' };

describe('Task', () => {
  test('calls the function with its payload and wraps what it returns', async () => {
    const work = jest.fn<LocalFunction>(async () => ({ answer: 42 }));
    const A = task({ Arguments: { FunctionName: '{% "wo" & "rk" %}', Payload: { n: '{% $states.input.n %}' } } });
    const result = await run({ A }, { n: 1 }, { functions: { work } });
    expect(work).toHaveBeenCalledWith({ n: 1 }, { signal: expect.any(AbortSignal), retryCount: 0 });
    expect(result.output).toEqual({ Payload: { answer: 42 }, StatusCode: 200, ExecutedVersion: '$LATEST' });
  });

  test('without Payload sends an empty object', async () => {
    const work = async (payload: unknown) => payload;
    const { output } = await run({ A: task({ Arguments: { FunctionName: 'work' }, Output: '{% $states.result.Payload %}' }) }, 5, {
      functions: { work },
    });
    expect(output).toEqual({});
  });

  test('offers its result to Output and Assign', async () => {
    const A = task({
      Output: { a: '{% $states.result.Payload %}', in: '{% $states.input %}' },
      Assign: { kept: '{% $states.result.StatusCode %}' },
      Next: 'B',
    });
    const B = { Type: 'Pass', Output: { kept: '{% $kept %}', input: '{% $states.input %}' }, End: true };
    const { output } = await run({ A, B }, 'x', { functions: { work: async () => 'done' } });
    expect(output).toEqual({ kept: 200, input: { a: 'done', in: 'x' } });
  });

  test('is refused before anything runs where its function is missing', async () => {
    const other = jest.fn(async () => null);
    const A = task({ Arguments: { FunctionName: 'other' }, Next: 'B' });
    await expect(run({ A, B: task() }, {}, { functions: { other } })).rejects.toThrow('functions that are not there: work');
    expect(other).not.toHaveBeenCalled();
  });

  test('fails as Lambda does where an expression names a function that is missing', async () => {
    const A = task({ Arguments: { FunctionName: '{% "toString" %}' } });
    expect(await run({ A })).toMatchObject({ status: 'FAILED', error: 'Lambda.ResourceNotFoundException' });
  });

  test.each([
    [namedError('BrokenError', 'no "luck"'), 'BrokenError', 'no "luck"'],
    ['plain text', 'string', 'plain text'],
  ])('fails with the name of what its function threw: %s', async (thrown, errorType, errorMessage) => {
    const work = () => Promise.reject(thrown);
    const result = await run({ A: task() }, {}, { functions: { work } });
    expect(result).toEqual({ status: 'FAILED', error: errorType, cause: JSON.stringify({ errorType, errorMessage }) });
  });

  test('fails as its function does where that throws before its first await', async () => {
    const work = () => {
      throw namedError('EarlyError');
    };
    expect(await run({ A: task() }, {}, { functions: { work } })).toMatchObject({ status: 'FAILED', error: 'EarlyError' });
  });
});

describe('TimeoutSeconds of a Task', () => {
  test('aborts the function, even one that does not listen, and can be retried and caught', async () => {
    const clock = new FakeClock();
    const signals: AbortSignal[] = [];
    const work = (_: unknown, { signal }: { signal: AbortSignal }) => {
      signals.push(signal);
      return new Promise(() => undefined);
    };
    const A = task({
      TimeoutSeconds: '{% $states.input.patience %}',
      Retry: [{ ErrorEquals: ['States.TaskFailed'] }],
      Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'B', Output: '{% $states.errorOutput.Error %}' }],
    });
    const running = run({ A, B: end }, { patience: 30 }, { clock, functions: { work } });
    await settle();
    clock.advance(29);
    await settle();
    expect(signals[0]?.aborted).toBe(false);
    clock.advance(1);
    expect(await running).toEqual({ status: 'SUCCEEDED', output: 'States.Timeout' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  test('leaves no timer behind when the function is in time', async () => {
    const clock = new FakeClock();
    const result = await run({ A: task({ TimeoutSeconds: 5 }) }, {}, { clock, functions: { work: async () => null } });
    expect(result.status).toBe('SUCCEEDED');
    expect(clock.sleeps).toEqual([5]);
    expect(clock.sleeping).toBe(0);
  });

  test.each(['{% 0 %}', '{% "5" %}'])('of %s is refused', async (TimeoutSeconds) => {
    const work = jest.fn(async () => null);
    expect(await run({ A: task({ TimeoutSeconds }) }, {}, { functions: { work } })).toMatchObject({ error: 'States.QueryEvaluationError' });
    expect(work).not.toHaveBeenCalled();
  });
});

/** A function that throws these errors in turn, then returns how often it was called. */
function failing(...names: string[]) {
  let calls = 0;
  return async () => {
    const name = names[calls++];
    if (name !== undefined) throw namedError(name);
    return calls;
  };
}

describe('Retry', () => {
  const repeat = <T>(count: number, value: T) => Array.from({ length: count }, () => value);

  test('by default waits 1, 2 and 4 seconds, then gives up', async () => {
    const clock = new FakeClock({ jumps: true });
    const A = task({ Retry: [{ ErrorEquals: ['A'] }] });
    expect(await run({ A }, {}, { clock, functions: { work: failing(...repeat(9, 'A')) } })).toMatchObject({ error: 'A' });
    expect(clock.sleeps).toEqual([1, 2, 4]);
  });

  test('waits no longer than MaxDelaySeconds', async () => {
    const clock = new FakeClock({ jumps: true });
    const Retry = [{ ErrorEquals: ['A'], IntervalSeconds: 3, BackoffRate: 3, MaxDelaySeconds: 20, MaxAttempts: 4 }];
    const A = task({ Retry, Output: '{% $states.result.Payload %}' });
    expect((await run({ A }, {}, { clock, functions: { work: failing(...repeat(4, 'A')) } })).output).toBe(5);
    expect(clock.sleeps).toEqual([3, 9, 20, 20]);
  });

  test.each([
    [0, [0, 0, 0]],
    [0.5, [1, 2, 2.5]],
    [0.999, [1.998, 3.996, 4.995]],
  ])('with full jitter and a die that shows %d draws from zero to the capped delay', async (die, expected) => {
    const clock = new FakeClock({ jumps: true });
    const A = task({ Retry: [{ ErrorEquals: ['A'], IntervalSeconds: 2, MaxDelaySeconds: 5, JitterStrategy: 'FULL' }] });
    await run({ A }, {}, { clock, random: () => die, functions: { work: failing(...repeat(9, 'A')) } });
    expect(clock.sleeps).toEqual(expected.map((seconds) => expect.closeTo(seconds, 9)));
  });

  test('draws no dice without jitter', async () => {
    const random = () => {
      throw new Error('no dice');
    };
    const A = task({ Retry: [{ ErrorEquals: ['A'] }] });
    expect((await run({ A }, {}, { random, functions: { work: failing('A') } })).status).toBe('SUCCEEDED');
  });

  test('counts for each retrier on its own', async () => {
    const clock = new FakeClock({ jumps: true });
    const Retry = [
      { ErrorEquals: ['A'], MaxAttempts: 2, IntervalSeconds: 10 },
      { ErrorEquals: ['B'], MaxAttempts: 2, IntervalSeconds: 100 },
    ];
    const work = failing('A', 'B', 'A', 'B', 'A');
    expect(await run({ A: task({ Retry }) }, {}, { clock, functions: { work } })).toMatchObject({ error: 'A' });
    expect(clock.sleeps).toEqual([10, 100, 20, 200]);
  });

  test('is over when the first retrier that matches is used up, even where a later one would match', async () => {
    const clock = new FakeClock({ jumps: true });
    const Retry = [{ ErrorEquals: ['A'], MaxAttempts: 0 }, { ErrorEquals: ['States.ALL'] }];
    expect(await run({ A: task({ Retry }) }, {}, { clock, functions: { work: failing('A') } })).toMatchObject({ error: 'A' });
    expect(clock.sleeps).toEqual([]);
  });

  test('tells its count to the function and to the context', async () => {
    const counts: number[] = [];
    const payloads: unknown[] = [];
    const work = async (payload: unknown, { retryCount }: { retryCount: number }) => {
      counts.push(retryCount);
      payloads.push(payload);
      if (counts.length < 3) throw namedError('A');
      return null;
    };
    const A = task({
      Arguments: { FunctionName: 'work', Payload: '{% $states.context.State.RetryCount %}' },
      Retry: [{ ErrorEquals: ['A'] }],
      Output: '{% $states.context.State.RetryCount %}',
    });
    expect((await run({ A }, {}, { functions: { work } })).output).toBe(2);
    expect(counts).toEqual([0, 1, 2]);
    expect(payloads).toEqual([0, 1, 2]);
  });

  test('starts counting anew on each visit to the state', async () => {
    let calls = 0;
    const work = async () => {
      calls++;
      if (calls % 2 === 1) throw namedError('A');
      return calls;
    };
    const A = task({ Retry: [{ ErrorEquals: ['A'], MaxAttempts: 1 }], Output: '{% $states.result.Payload %}', Next: 'Again' });
    const Again = { Type: 'Choice', Choices: [{ Condition: '{% $states.input < 6 %}', Next: 'A' }], Default: 'Done' };
    expect(await run({ A, Again, Done: end }, {}, { functions: { work } })).toEqual({ status: 'SUCCEEDED', output: 6 });
  });

  test.each([
    ['States.ALL', 'A', true],
    ['States.ALL', 'States.Timeout', true],
    ['States.ALL', 'States.DataLimitExceeded', false],
    ['States.ALL', 'States.Runtime', false],
    ['States.TaskFailed', 'A', true],
    ['States.TaskFailed', 'States.Timeout', false],
    ['States.TaskFailed', 'States.DataLimitExceeded', false],
    ['States.DataLimitExceeded', 'States.DataLimitExceeded', true],
    ['States.Runtime', 'States.Runtime', false],
    ['A', 'a', false],
  ])('%s takes %s: %s', async (pattern, name, isTaken) => {
    const result = await run({ A: task({ Retry: [{ ErrorEquals: [pattern] }] }) }, {}, { functions: { work: failing(name) } });
    expect(result.status).toBe(isTaken ? 'SUCCEEDED' : 'FAILED');
  });
});

describe('Catch', () => {
  test('goes on with the error output, after Retry has given up', async () => {
    const events: StateEvent[] = [];
    const A = task({ Retry: [{ ErrorEquals: ['A'], MaxAttempts: 1 }], Catch: [{ ErrorEquals: ['A'], Next: 'B' }] });
    const result = await run({ A, B: end }, {}, { functions: { work: failing('A', 'A') }, onState: (event) => events.push(event) });
    expect(result.output).toEqual({ Error: 'A', Cause: '{"errorType":"A","errorMessage":"it broke"}' });
    expect(events.map(({ type, state, error }) => [type, state, error])).toEqual([
      ['entered', 'A', undefined],
      ['retried', 'A', 'A'],
      ['caught', 'A', 'A'],
      ['exited', 'A', undefined],
      ['entered', 'B', undefined],
      ['exited', 'B', undefined],
    ]);
  });

  test('has an Output and Assign of its own, in place of the state', async () => {
    const A = task({
      Output: 'from the state',
      Assign: { who: 'state' },
      Catch: [
        { ErrorEquals: ['B'], Next: 'Wrong' },
        {
          ErrorEquals: ['States.ALL'],
          Next: 'Show',
          Output: {
            name: '{% $states.errorOutput.Error %}',
            id: '{% $states.input.id %}',
            type: '{% $parse($states.errorOutput.Cause).errorType %}',
          },
          Assign: { who: '{% "caught " & $states.errorOutput.Error %}' },
        },
      ],
      Next: 'Wrong',
    });
    const Show = { Type: 'Pass', Output: { input: '{% $states.input %}', who: '{% $who %}' }, End: true };
    const { output } = await run({ A, Show, Wrong: { Type: 'Fail' } }, { id: 7 }, { functions: { work: failing('A') } });
    expect(output).toEqual({ input: { name: 'A', id: 7, type: 'A' }, who: 'caught A' });
  });

  test("takes a failure of the state's own expressions too", async () => {
    const Catch = [{ ErrorEquals: ['States.QueryEvaluationError'], Next: 'B', Output: 'caught' }];
    const functions = { work: async () => ({}) };
    const inArguments = task({ Arguments: { FunctionName: 'work', Payload: '{% $states.input.missing %}' }, Catch });
    const inOutput = task({ Output: '{% $states.result.Payload.missing %}', Catch });
    expect((await run({ A: inArguments, B: end }, {}, { functions })).output).toBe('caught');
    expect((await run({ A: inOutput, B: end }, {}, { functions })).output).toBe('caught');
  });

  test('fails the execution where its own Output fails', async () => {
    const A = task({ Catch: [{ ErrorEquals: ['States.ALL'], Next: 'B', Output: '{% $states.errorOutput.Missing %}' }] });
    expect(await run({ A, B: end }, {}, { functions: { work: failing('A') } })).toMatchObject({ error: 'States.QueryEvaluationError' });
  });
});
