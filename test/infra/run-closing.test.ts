import { expect, test } from '@jest/globals';
import { executionEvent, ofChild, STATE_MACHINE } from '../fakes/execution-event.ts';
import { sampleRun } from '../fakes/sample-run.ts';
import { synthesize } from './synthesized.ts';

type Pattern = { [name: string]: Pattern | string[] };

/** Whether EventBridge hands the event to the rule, for patterns of plain values: each field one of those listed. */
const isMatch = (pattern: Pattern, event: Record<string, unknown>): boolean =>
  Object.entries(pattern).every(([name, wanted]) =>
    Array.isArray(wanted) ? wanted.includes(String(event[name])) : isMatch(wanted, event[name] as Record<string, unknown>),
  );

const { EventPattern } = synthesize().at('Closing/FailedExecutions');
const pattern = JSON.parse(JSON.stringify(EventPattern).replace('<Workflow/StateMachine>', STATE_MACHINE)) as Pattern;
const run = sampleRun();

test.each([
  ['FAILED', true],
  ['TIMED_OUT', true],
  ['ABORTED', true],
  ['RUNNING', false],
  ['SUCCEEDED', false],
  ['PENDING_REDRIVE', false],
])('an execution that is %s is to be closed: %p', (status, isClosed) => {
  expect(isMatch(pattern, executionEvent(run, status))).toBe(isClosed);
});

test.each([
  ['children of the maps', ofChild('SummarizeBatches')],
  ['children of the maps', ofChild('WriteTables')],
  ['executions of another state machine', { stateMachineArn: `${STATE_MACHINE}-dev` }],
])('%s are left alone', (_, detail) => {
  expect(isMatch(pattern, executionEvent(run, 'FAILED', detail))).toBe(false);
});
