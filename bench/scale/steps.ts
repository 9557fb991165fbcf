import { MAX_OUTCOMES } from '../../functions/finish-run/payments.ts';
import {
  DEADLINE_RESERVE_MS,
  JOINED_AT_ONCE_BATCHES,
  MAX_BATCHES_PER_FUNCTION,
  MAX_INLINE_WAIT_SECONDS,
  STATE_PAYLOAD_BYTES,
} from '../../functions/shared/limits.ts';
import { digits, whole } from '../programs.ts';
import { type Check, LAMBDA_SECONDS } from './checks.ts';
import { CHILDREN_WRITING, type Predictions, predictionsOf, type Units } from './predictions.ts';

/** Source: service quotas of Step Functions, as in docs of 2026. */
const CHILDREN_A_SECOND = 100;
const HISTORY_EVENTS = 25_000;
const MANIFEST_GB = 10;
/** Source: DynamoDB, writes of one item. */
const ITEM_WRITES_A_SECOND = 1_000;

/** Deployed by default. */
const CALLS_IN_FLIGHT = 100;

/** Events of a Task, a Choice, a Wait and a Map in a history. */
const EVENTS = { task: 5, choice: 2, wait: 2, map: 4 };
/** A slow endpoint, and how long a child waits at least between two looks at its limit: MAX_INLINE_WAIT_SECONDS. */
const SLOW_CALLS_A_MINUTE = 3;

const LAMBDA = '15 minutes of a function';
const TIME_LIMIT = 'time limit of a run';

interface Timed {
  step: string;
  measured: string;
  units: string;
  seconds: number;
  /** @default what a function has */
  limit?: number;
  bound?: string;
}

const time = ({ step, measured, units, seconds, limit = LAMBDA_SECONDS, bound = LAMBDA }: Timed): Check => ({
  ...{ step, measured, units, predicted: seconds, limit, unit: 's', bound },
});

const memory = (step: string, of: string, name: keyof Units['memoryMb'], residentMb: number, { memoryMb }: Units): Check => ({
  ...{ step, measured: 'most resident', units: of, predicted: residentMb },
  ...{ limit: memoryMb[name], unit: 'MiB', bound: `memory of ${name}` },
});

function planningChecks(units: Units, predicted: Predictions): Check[] {
  const { run, stage, join, runTimeoutSeconds } = units;
  const [parts, batches] = [`${whole(run.parts)} parts`, `${whole(run.batches)} batches`];
  const { partStaged, planCalls, joined, joinedWithLastPart } = predicted;
  return [
    time({
      ...{ step: 'stage a part', measured: `${digits(stage.secondsPerPart)} s`, units: '1 part' },
      ...{ seconds: partStaged, limit: DEADLINE_RESERVE_MS / 1000, bound: 'kept before a deadline' },
    }),
    time({
      ...{ step: 'stage all rows', measured: `${digits(partStaged)} s a part`, units: `${parts} in ${whole(planCalls)} calls` },
      ...{ seconds: partStaged * run.parts, limit: runTimeoutSeconds, bound: TIME_LIMIT },
    }),
    memory('stage rows', `${digits(stage.parts)} parts`, 'plan-batches', stage.residentMb, units),
    time({ step: 'join the manifest, plan the levels', measured: `${digits(join.seconds)} s`, units: batches, seconds: joined }),
    time({
      ...{ step: 'the same in the call that stages the last part', measured: `${digits(join.seconds)} s` },
      ...{ units: `at most ${whole(JOINED_AT_ONCE_BATCHES)} batches`, seconds: joinedWithLastPart },
      ...{ limit: DEADLINE_RESERVE_MS / 1000, bound: 'surely left then' },
    }),
    memory('join the manifest, plan the levels', batches, 'plan-batches', join.residentMb, units),
    {
      ...{ step: 'manifest', measured: `${whole(join.manifestBytes / run.batches)} bytes a line`, units: batches },
      ...{ predicted: join.manifestBytes / 1e9, limit: MANIFEST_GB, unit: 'GB', bound: 'item reader of a map' },
    },
  ];
}

function callChecks(units: Units): Check[] {
  const { run, children, controlWritesPerCall, secondsPerCall, runTimeoutSeconds } = units;
  const calls = run.batches + run.folds;
  const inSecond = CALLS_IN_FLIGHT / secondsPerCall;
  return [
    time({
      ...{ step: 'start the children', measured: `${CHILDREN_A_SECOND} a second`, units: `${whole(children.count)} children` },
      ...{ seconds: children.count / CHILDREN_A_SECOND, limit: runTimeoutSeconds, bound: TIME_LIMIT },
    }),
    time({
      ...{ step: 'call the model', measured: `${secondsPerCall} s assumed, ${CALLS_IN_FLIGHT} at once`, units: `${whole(calls)} calls` },
      ...{ seconds: calls / inSecond, limit: runTimeoutSeconds, bound: TIME_LIMIT },
    }),
    {
      ...{ step: "a child's input", measured: `${MAX_BATCHES_PER_FUNCTION} lines and the run`, units: '1 child' },
      ...{ predicted: children.inputBytes / 1024, limit: STATE_PAYLOAD_BYTES / 1024, unit: 'KiB', bound: 'payload of a state' },
    },
    {
      step: 'control table, as if all writes were of one item',
      measured: `${digits(controlWritesPerCall)} writes a call`,
      units: `${whole(inSecond)} calls a second`,
      ...{ predicted: controlWritesPerCall * inSecond, limit: ITEM_WRITES_A_SECOND, unit: 'writes/s', bound: 'writes of one item' },
    },
  ];
}

function historyChecks({ run }: Units, { planCalls }: Predictions): Check[] {
  const history = { limit: HISTORY_EVENTS, unit: 'events', bound: 'history of an execution' } as const;
  const wait = EVENTS.task + EVENTS.choice + EVENTS.wait;
  return [
    {
      ...{ step: "the run's history", measured: `${EVENTS.task} events a task`, units: `${whole(planCalls + run.levels)} planning calls` },
      predicted: (planCalls + run.levels) * (EVENTS.task + EVENTS.choice) + (run.levels + 1) * EVENTS.map + 2 * EVENTS.task,
      ...history,
    },
    {
      step: `a child's history at ${SLOW_CALLS_A_MINUTE} calls a minute`,
      ...{ measured: `${wait} events a wait`, units: `waits of ${MAX_INLINE_WAIT_SECONDS} s` },
      // A child lasts until all that are in flight have had their turn.
      predicted: ((CALLS_IN_FLIGHT * 60) / SLOW_CALLS_A_MINUTE / MAX_INLINE_WAIT_SECONDS) * wait,
      ...history,
    },
  ];
}

function writingChecks(units: Units, predicted: Predictions): Check[] {
  const { run, part, levels, groupSum, runTimeoutSeconds } = units;
  const { partWritten, allWritten, levelsWritten, levelsWithSums, partsAddedUp } = predicted;
  const [parts, folds] = [`${whole(run.parts)} parts`, `${whole(run.folds)} folds`];
  return [
    time({ step: 'write a part', measured: `${digits(part.seconds)} s`, units: '1 part', seconds: partWritten }),
    time({
      ...{ step: 'write all parts', measured: `${digits(partWritten)} s a part`, units: `${parts}, ${CHILDREN_WRITING} at once` },
      ...{ seconds: allWritten, limit: runTimeoutSeconds, bound: TIME_LIMIT },
    }),
    memory('write a part', '1 part', 'write-tables', part.residentMb, units),
    time({ step: 'write the levels', measured: `${digits(levels.seconds)} s`, units: folds, seconds: levelsWritten }),
    time({
      step: 'the same where each batch is a group',
      measured: `${digits(1e6 * groupSum.seconds)} microseconds a sum`,
      units: `${whole(run.batches)} sums in ${parts}, ${whole(partsAddedUp)} of them not written yet`,
      seconds: levelsWithSums,
    }),
    memory('write the levels', folds, 'write-tables', levels.residentMb, units),
  ];
}

function finishChecks(units: Units, predicted: Predictions): Check[] {
  const { run, finish, groupedLedger, outcome } = units;
  const parts = `${whole(run.parts)} parts`;
  const outcomes = Math.min(run.batches, MAX_OUTCOMES);
  return [
    time({ step: 'finish-run', measured: `${digits(finish.seconds)} s`, units: parts, seconds: predicted.finished }),
    memory('finish-run', parts, 'finish-run', finish.residentMb, units),
    time({
      ...{ step: 'its proof where rows are grouped', measured: `${digits(groupedLedger.seconds)} s`, units: parts },
      seconds: predicted.groupedLedger,
    }),
    memory('its proof where rows are grouped', parts, 'finish-run', groupedLedger.residentMb, units),
    time({
      step: 'finish-run, what a run has paid that failed before its tables',
      measured: `${digits(1e6 * outcome.seconds)} microseconds an outcome`,
      ...{ units: `at most ${whole(outcomes)} outcomes`, seconds: predicted.paymentsAdded },
    }),
  ];
}

/** Each step of the run against its limits. */
export function checksOf(units: Units): Check[] {
  const predicted = predictionsOf(units);
  return [
    ...planningChecks(units, predicted),
    ...callChecks(units),
    ...historyChecks(units, predicted),
    ...writingChecks(units, predicted),
    ...finishChecks(units, predicted),
  ];
}
