import {
  DEADLINE_RESERVE_MS,
  JOINED_AT_ONCE_BATCHES,
  JOINED_AT_ONCE_PARTS,
  MAX_BATCHES_PER_FUNCTION,
  MAX_INLINE_WAIT_SECONDS,
  PART_ROWS,
  STATE_PAYLOAD_BYTES,
} from '../../functions/shared/limits.ts';
import { digits, whole } from '../programs.ts';
import { type Check, s3Seconds, secondsInLambda } from './checks.ts';

/** What the command has measured; seconds are those of one busy core here. */
export interface Units {
  /** Rows of the upload, and parts, batches and folds of its run. */
  run: { rows: number; parts: number; batches: number; folds: number; levels: number };
  stage: { secondsPerPart: number; residentMb: number };
  join: { seconds: number; residentMb: number; manifestBytes: number };
  children: { count: number; inputBytes: number; engineSeconds: number; engineMb: number };
  part: { seconds: number; residentMb: number };
  levels: { seconds: number; residentMb: number };
  /** Reading an outcome, and the line of a group of one part, where each batch is a group. */
  outcome: { seconds: number };
  groupSum: { seconds: number };
  finish: { seconds: number; residentMb: number };
  groupedLedger: { seconds: number; residentMb: number };
  /** DynamoDB writes for one model call. */
  controlWritesPerCall: number;
  memoryMb: Readonly<Record<'plan-batches' | 'write-tables' | 'finish-run', number>>;
  runTimeoutSeconds: number;
}

/** Source: service quotas of Lambda and Step Functions, as in docs of 2026. */
const LAMBDA_SECONDS = 900;
const CHILDREN_A_SECOND = 100;
const HISTORY_EVENTS = 25_000;
const MANIFEST_GB = 10;
/** Source: DynamoDB, writes of one item. */
const ITEM_WRITES_A_SECOND = 1_000;

/** Deployed by default. */
const CALLS_IN_FLIGHT = 100;
const CHILDREN_WRITING = 100;
/** Assumed, as in prices.json. */
const CALL_SECONDS = 3;

/** Objects that staging a part writes one after the other: rows, manifest, rejections, ids, state. */
const WRITES_OF_STAGED_PART = 5;
/** In read-fates.ts, write-levels.ts, join-manifest.ts and read-sums.ts, read-receipts.ts, publish-tables.ts, write-report.ts. */
const OUTCOME_READS_IN_FLIGHT = 64;
const FOLD_READS_IN_FLIGHT = 128;
const PARTS_IN_FLIGHT = 8;
const RECEIPT_READS_IN_FLIGHT = 32;
const COPIES_IN_FLIGHT = 32;
const EXCERPT_READS_IN_FLIGHT = 16;
const LISTED_KEYS = 1_000;
const TABLES_OF_PART = 2;

/** Events of a Task, a Choice, a Wait and a Map in a history. */
const EVENTS = { task: 5, choice: 2, wait: 2, map: 4 };
/** A slow endpoint, and how long a child waits at least between two looks at its limit: MAX_INLINE_WAIT_SECONDS. */
const SLOW_CALLS_A_MINUTE = 3;

/** Why a step is beyond its limit, where that is known. */
export const reasons: Readonly<Record<string, string>> = {};

/** Each step of the run against its limits. */
export function checksOf(units: Units): Check[] {
  const { run, memoryMb } = units;
  const calls = run.batches + run.folds;
  const inFunction = (step: keyof Units['memoryMb'], seconds: number) => secondsInLambda(seconds, memoryMb[step]);
  const time = (step: string, measured: string, of: string, predicted: number, limit: number, bound: string): Check => ({
    ...{ step, measured, units: of, predicted, limit, unit: 's', bound },
  });
  const memory = (step: string, of: string, name: keyof Units['memoryMb'], residentMb: number): Check => ({
    ...{
      step,
      measured: 'most resident',
      units: of,
      predicted: residentMb,
      limit: memoryMb[name],
      unit: 'MiB',
      bound: `memory of ${name}`,
    },
  });
  const lambda = '15 minutes of a function';
  const [parts, batches] = [`${whole(run.parts)} parts`, `${whole(run.batches)} batches`];

  const partStaged = inFunction('plan-batches', units.stage.secondsPerPart) + s3Seconds(WRITES_OF_STAGED_PART);
  const joined = inFunction('plan-batches', units.join.seconds) + s3Seconds(2 * run.parts, PARTS_IN_FLIGHT);
  // Up to so many are joined in the call that stages the last part; it has so long then.
  const joinedAtOnce = Math.min(1, JOINED_AT_ONCE_BATCHES / run.batches);
  const joinedWithLastPart =
    inFunction('plan-batches', units.join.seconds * joinedAtOnce) +
    s3Seconds(2 * Math.min(run.parts, JOINED_AT_ONCE_PARTS), PARTS_IN_FLIGHT);
  const partWritten = inFunction('write-tables', units.part.seconds) + s3Seconds(PART_ROWS / 100, OUTCOME_READS_IN_FLIGHT);
  const levelsWritten = inFunction('write-tables', units.levels.seconds) + s3Seconds(run.folds, FOLD_READS_IN_FLIGHT);
  const sumsRead = inFunction('write-tables', units.groupSum.seconds * run.batches) + s3Seconds(run.parts, PARTS_IN_FLIGHT);
  // Parts that are not written yet when the levels come to them are added up there, while a hundred children write the others.
  const partAddedUp =
    inFunction('write-tables', (units.outcome.seconds * run.batches) / run.parts) +
    s3Seconds(run.batches / run.parts, OUTCOME_READS_IN_FLIGHT);
  const allWritten = Math.ceil(run.parts / CHILDREN_WRITING) * partWritten;
  const partsAddedUp = Math.min(run.parts, Math.ceil(allWritten / partAddedUp));
  const tables = TABLES_OF_PART * run.parts + 1;
  const finishRequests =
    s3Seconds(run.parts, RECEIPT_READS_IN_FLIGHT) +
    s3Seconds(tables / LISTED_KEYS) +
    s3Seconds(tables, COPIES_IN_FLIGHT) +
    s3Seconds(run.parts, EXCERPT_READS_IN_FLIGHT);
  const finished = inFunction('finish-run', units.finish.seconds) + finishRequests;
  const planCalls = planCallsOf(units);
  const week = 'time limit of a run';

  return [
    time(
      'stage a part',
      `${digits(units.stage.secondsPerPart)} s`,
      '1 part',
      partStaged,
      DEADLINE_RESERVE_MS / 1000,
      'kept before a deadline',
    ),
    time(
      'stage all rows',
      `${digits(partStaged)} s a part`,
      `${parts} in ${whole(planCalls)} calls`,
      partStaged * run.parts,
      units.runTimeoutSeconds,
      week,
    ),
    memory('stage all rows', parts, 'plan-batches', units.stage.residentMb),
    time('join the manifest, plan the levels', `${digits(units.join.seconds)} s`, batches, joined, LAMBDA_SECONDS, lambda),
    time(
      'the same in the call that stages the last part',
      `${digits(units.join.seconds)} s`,
      `at most ${whole(JOINED_AT_ONCE_BATCHES)} batches`,
      joinedWithLastPart,
      DEADLINE_RESERVE_MS / 1000,
      'surely left then',
    ),
    memory('join the manifest, plan the levels', batches, 'plan-batches', units.join.residentMb),
    {
      step: 'manifest',
      measured: `${whole(units.join.manifestBytes / run.batches)} bytes a line`,
      units: batches,
      ...{ predicted: units.join.manifestBytes / 1e9, limit: MANIFEST_GB, unit: 'GB', bound: 'item reader of a map' },
    },
    time(
      'start the children',
      `${CHILDREN_A_SECOND} a second`,
      `${whole(units.children.count)} children`,
      units.children.count / CHILDREN_A_SECOND,
      units.runTimeoutSeconds,
      week,
    ),
    time(
      'call the model',
      `${CALL_SECONDS} s, ${CALLS_IN_FLIGHT} at once`,
      `${whole(calls)} calls`,
      (calls * CALL_SECONDS) / CALLS_IN_FLIGHT,
      units.runTimeoutSeconds,
      week,
    ),
    {
      step: "a child's input",
      measured: `${MAX_BATCHES_PER_FUNCTION} lines and the run`,
      units: '1 child',
      ...{ predicted: units.children.inputBytes / 1024, limit: STATE_PAYLOAD_BYTES / 1024, unit: 'KiB', bound: 'payload of a state' },
    },
    {
      step: "control table, one run's item",
      measured: `${digits(units.controlWritesPerCall)} writes a call`,
      units: `${whole(CALLS_IN_FLIGHT / CALL_SECONDS)} calls a second`,
      predicted: (units.controlWritesPerCall * CALLS_IN_FLIGHT) / CALL_SECONDS,
      ...{ limit: ITEM_WRITES_A_SECOND, unit: 'writes/s', bound: 'writes of one item' },
    },
    {
      step: "the run's history",
      measured: `${EVENTS.task} events a task`,
      units: `${whole(planCalls + run.levels)} planning calls`,
      predicted: (planCalls + run.levels) * (EVENTS.task + EVENTS.choice) + (run.levels + 1) * EVENTS.map + 2 * EVENTS.task,
      ...{ limit: HISTORY_EVENTS, unit: 'events', bound: 'history of an execution' },
    },
    {
      step: `a child's history at ${SLOW_CALLS_A_MINUTE} calls a minute`,
      measured: `${EVENTS.task + EVENTS.choice + EVENTS.wait} events a wait`,
      units: `waits of ${MAX_INLINE_WAIT_SECONDS} s`,
      // A child lasts until all that are in flight have had their turn.
      predicted: ((CALLS_IN_FLIGHT * 60) / SLOW_CALLS_A_MINUTE / MAX_INLINE_WAIT_SECONDS) * (EVENTS.task + EVENTS.choice + EVENTS.wait),
      ...{ limit: HISTORY_EVENTS, unit: 'events', bound: 'history of an execution' },
    },
    time('list the outcomes', `${whole(LISTED_KEYS)} keys a page`, batches, s3Seconds(run.batches / LISTED_KEYS), LAMBDA_SECONDS, lambda),
    time('write a part', `${digits(units.part.seconds)} s`, '1 part', partWritten, LAMBDA_SECONDS, lambda),
    time(
      'write all parts',
      `${digits(partWritten)} s a part`,
      `${parts}, ${CHILDREN_WRITING} at once`,
      allWritten,
      units.runTimeoutSeconds,
      week,
    ),
    memory('write a part', '1 part', 'write-tables', units.part.residentMb),
    time('write the levels', `${digits(units.levels.seconds)} s`, `${whole(run.folds)} folds`, levelsWritten, LAMBDA_SECONDS, lambda),
    time(
      'the same with groups or insights',
      `${digits(1000 * units.groupSum.seconds)} ms a sum`,
      `${whole(run.batches)} sums in ${parts}, ${whole(partsAddedUp)} of them not written yet`,
      levelsWritten + sumsRead + partsAddedUp * partAddedUp,
      LAMBDA_SECONDS,
      lambda,
    ),
    memory('write the levels', `${whole(run.folds)} folds`, 'write-tables', units.levels.residentMb),
    time('finish-run', `${digits(units.finish.seconds)} s`, parts, finished, LAMBDA_SECONDS, lambda),
    memory('finish-run', parts, 'finish-run', units.finish.residentMb),
    time(
      'its proof where rows are grouped',
      `${digits(units.groupedLedger.seconds)} s`,
      parts,
      inFunction('finish-run', units.groupedLedger.seconds) + s3Seconds(run.parts, RECEIPT_READS_IN_FLIGHT),
      LAMBDA_SECONDS,
      lambda,
    ),
    memory('its proof where rows are grouped', parts, 'finish-run', units.groupedLedger.residentMb),
  ];
}

/** Calls of plan-batches that it takes to stage all rows and to join their manifests. */
export function planCallsOf({ stage, run, memoryMb }: Pick<Units, 'stage' | 'run' | 'memoryMb'>): number {
  const secondsOfPart = secondsInLambda(stage.secondsPerPart, memoryMb['plan-batches']) + s3Seconds(WRITES_OF_STAGED_PART);
  const staging = Math.max(1, Math.ceil((secondsOfPart * run.parts) / (LAMBDA_SECONDS - DEADLINE_RESERVE_MS / 1000)));
  return staging + (run.parts > JOINED_AT_ONCE_PARTS || run.batches > JOINED_AT_ONCE_BATCHES ? 1 : 0);
}
