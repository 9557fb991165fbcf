import { describe, expect, test } from '@jest/globals';
import type { StateEvent } from '../../../local/workflow/execution.ts';
import { FakeClock } from './fake-clock.ts';
import { run } from './run.ts';

describe('Pass', () => {
  test('hands its input on', async () => {
    expect(await run({ A: { Type: 'Pass', Next: 'B' }, B: { Type: 'Pass', End: true } }, { a: [1] })).toEqual({
      status: 'SUCCEEDED',
      output: { a: [1] },
    });
  });

  test('evaluates JSONata strings anywhere in Output and leaves other text alone', async () => {
    const Output = { deep: [{ n: '{% $states.input.n + 1 %}' }, '{% $states.input.n', 'n %}'], plain: 'x {% 1 %}' };
    const { output } = await run({ A: { Type: 'Pass', Output, End: true } }, { n: 1 });
    expect(output).toEqual({ deep: [{ n: 2 }, '{% $states.input.n', 'n %}'], plain: 'x {% 1 %}' });
  });

  test('fails with the field named where an expression yields nothing', async () => {
    const result = await run({ A: { Type: 'Pass', Output: { b: '{% $states.input.b %}' }, End: true } });
    expect(result).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError', cause: expect.stringContaining('"Output".b') });
  });

  test('shows the context object', async () => {
    const { output } = await run({ A: { Type: 'Pass', Output: '{% $states.context %}', End: true } }, { in: 1 });
    expect(output).toEqual({
      Execution: {
        Id: 'arn:aws:states:local:000000000000:execution:workflow:run-1',
        Input: { in: 1 },
        Name: 'run-1',
        RoleArn: 'arn:aws:iam::000000000000:role/local',
        StartTime: '2026-01-02T03:04:05.000Z',
      },
      State: { EnteredTime: '2026-01-02T03:04:05.000Z', Name: 'A', RetryCount: 0 },
      StateMachine: { Id: 'arn:aws:states:local:000000000000:stateMachine:workflow', Name: 'workflow' },
    });
  });
});

describe('Assign', () => {
  test('is evaluated against the old variables and seen from the next state on', async () => {
    const { output } = await run({
      A: { Type: 'Pass', Assign: { x: 1, y: 2 }, Next: 'Swap' },
      Swap: { Type: 'Pass', Assign: { x: '{% $y %}', y: '{% $x %}' }, Output: { x: '{% $x %}' }, Next: 'Show' },
      Show: { Type: 'Pass', Output: { x: '{% $x %}', y: '{% $y %}', during: '{% $states.input.x %}' }, End: true },
    });
    expect(output).toEqual({ x: 2, y: 1, during: 1 });
  });

  test('lasts to the end of the execution, past the Assign of other variables', async () => {
    const { output } = await run({
      A: { Type: 'Pass', Assign: { x: 1 }, Next: 'B' },
      B: { Type: 'Pass', Assign: { y: 2 }, Next: 'C' },
      C: { Type: 'Pass', Output: ['{% $x %}', '{% $y %}'], End: true },
    });
    expect(output).toEqual([1, 2]);
  });

  test('is not seen by the Output of its own state', async () => {
    const result = await run({ A: { Type: 'Pass', Assign: { x: 1 }, Output: '{% $x %}', End: true } });
    expect(result).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
  });

  test('of a Choice belongs to the rule that matched, or to the Default', async () => {
    const states = {
      Pick: {
        Type: 'Choice',
        Choices: [
          { Condition: '{% $states.input.n = 1 %}', Assign: { got: 'one' }, Output: { rule: 1 }, Next: 'Show' },
          { Condition: '{% $states.input.n > 1 %}', Assign: { got: 'more' }, Next: 'Show' },
        ],
        Default: 'Show',
        Assign: { got: 'none' },
        Output: { rule: 'default' },
      },
      Show: { Type: 'Pass', Output: { got: '{% $got %}', input: '{% $states.input %}' }, End: true },
    };
    expect((await run(states, { n: 1 })).output).toEqual({ got: 'one', input: { rule: 1 } });
    expect((await run(states, { n: 2 })).output).toEqual({ got: 'more', input: { n: 2 } });
    expect((await run(states, { n: 0 })).output).toEqual({ got: 'none', input: { rule: 'default' } });
  });
});

describe('Choice', () => {
  const end = { Type: 'Succeed' };

  test('takes the first rule that holds and evaluates no later one', async () => {
    const Choices = [
      { Condition: true, Next: 'First' },
      { Condition: '{% $error("not to be evaluated") %}', Next: 'Second' },
    ];
    const entered: string[] = [];
    const onState = ({ type, state }: StateEvent) => void (type === 'entered' && entered.push(state));
    await run({ Pick: { Type: 'Choice', Choices }, First: end, Second: end }, {}, { onState });
    expect(entered).toEqual(['Pick', 'First']);
  });

  test('without a match and without Default fails', async () => {
    const result = await run({ Pick: { Type: 'Choice', Choices: [{ Condition: '{% false %}', Next: 'End' }] }, End: end });
    expect(result).toMatchObject({ status: 'FAILED', error: 'States.NoChoiceMatched' });
  });

  test.each(['{% "true" %}', '{% 1 %}', '{% null %}', '{% $states.input.missing %}'])('refuses the condition %s', async (Condition) => {
    const result = await run({ Pick: { Type: 'Choice', Choices: [{ Condition, Next: 'End' }], Default: 'End' }, End: end });
    expect(result).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
  });
});

describe('Wait', () => {
  test.each([
    [7, 7],
    ['{% $states.input.pause * 2 %}', 10],
    [0, 0],
  ])('of %j sleeps by the clock', async (Seconds, expected) => {
    const clock = new FakeClock({ jumps: true });
    const result = await run({ A: { Type: 'Wait', Seconds, End: true } }, { pause: 5 }, { clock });
    expect(clock.sleeps).toEqual([expected]);
    expect(result).toEqual({ status: 'SUCCEEDED', output: { pause: 5 } });
  });

  test('stamps the next state with the later time', async () => {
    const A = { Type: 'Wait', Seconds: 60, Next: 'B' };
    const B = { Type: 'Pass', Output: '{% $states.context.State.EnteredTime %}', End: true };
    expect((await run({ A, B })).output).toBe('2026-01-02T03:05:05.000Z');
  });

  test.each(['{% -1 %}', '{% 1.5 %}', '{% "3" %}', '{% 100000000 %}'])('refuses %s', async (Seconds) => {
    const result = await run({ A: { Type: 'Wait', Seconds, End: true } });
    expect(result).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError', cause: expect.stringContaining('"Seconds"') });
  });
});

describe('Succeed and Fail', () => {
  test('Succeed ends with its Output', async () => {
    expect(await run({ A: { Type: 'Succeed', Output: { n: '{% $states.input.n %}' } } }, { n: 1 })).toEqual({
      status: 'SUCCEEDED',
      output: { n: 1 },
    });
  });

  test('Fail ends with its Error and Cause, JSONata or not', async () => {
    expect(await run({ A: { Type: 'Fail', Error: 'Broken', Cause: '{% "n is " & $states.input.n %}' } }, { n: 1 })).toEqual({
      status: 'FAILED',
      error: 'Broken',
      cause: 'n is 1',
    });
    expect(await run({ A: { Type: 'Fail' } })).toEqual({ status: 'FAILED' });
  });

  test('Fail refuses a Cause that is not text', async () => {
    expect(await run({ A: { Type: 'Fail', Cause: '{% 1 %}' } })).toMatchObject({ error: 'States.QueryEvaluationError' });
  });
});

test('every step is reported', async () => {
  const events: StateEvent[] = [];
  await run(
    { A: { Type: 'Pass', Output: 1, Next: 'B' }, B: { Type: 'Fail', Error: 'Broken' } },
    {},
    { onState: (event) => events.push(event) },
  );
  expect(events).toEqual([
    { type: 'entered', state: 'A', depth: 'parent' },
    { type: 'exited', state: 'A', depth: 'parent', output: 1 },
    { type: 'entered', state: 'B', depth: 'parent' },
    { type: 'failed', state: 'B', depth: 'parent', error: 'Broken' },
  ]);
});
