import { MAX_OUTCOMES, READS_IN_FLIGHT as PAYMENT_READS_IN_FLIGHT } from '../../functions/finish-run/payments.ts';
import { COPIES_IN_FLIGHT } from '../../functions/finish-run/publish-tables.ts';
import { READS_IN_FLIGHT as RECEIPT_READS_IN_FLIGHT } from '../../functions/finish-run/read-receipts.ts';
import { READS_IN_FLIGHT as EXCERPT_READS_IN_FLIGHT } from '../../functions/finish-run/report/write-report.ts';
import { PARTS_IN_FLIGHT } from '../../functions/plan-batches/join-manifest.ts';
import { DEADLINE_RESERVE_MS, JOINED_AT_ONCE_BATCHES, JOINED_AT_ONCE_PARTS, PART_ROWS } from '../../functions/shared/limits.ts';
import { READS_IN_FLIGHT as OUTCOME_READS_IN_FLIGHT } from '../../functions/write-tables/read-fates.ts';
import { READS_IN_FLIGHT as FOLD_READS_IN_FLIGHT } from '../../functions/write-tables/write-levels.ts';
import type { StepSeconds } from '../costs/cost-page.ts';
import { LAMBDA_SECONDS, LISTED_KEYS, s3Seconds, secondsInLambda } from './checks.ts';

/** What the command has measured; seconds are those of one busy core here. */
export interface Units {
  /** Rows of the upload, and parts, batches and folds of its run. */
  run: { rows: number; parts: number; batches: number; folds: number; levels: number };
  /** Measured on so many parts. */
  stage: { parts: number; secondsPerPart: number; residentMb: number };
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
  /** Assumed. */
  secondsPerCall: number;
  memoryMb: Readonly<Record<'plan-batches' | 'write-tables' | 'finish-run', number>>;
  runTimeoutSeconds: number;
}

/** Parts that are written at once, as the workflow says. */
export const CHILDREN_WRITING = 100;
/** Objects that staging a part writes one after the other: rows, manifest, rejections, ids, state. */
const WRITES_OF_STAGED_PART = 5;
const TABLES_OF_PART = 2;

/** Seconds of each step on its function's memory, its requests of S3 included. */
export interface Predictions {
  partStaged: number;
  /** Calls of plan-batches that it takes to stage all rows and to join their manifests. */
  planCalls: number;
  joined: number;
  /** Up to so many are joined in the call that stages the last part. */
  joinedWithLastPart: number;
  partWritten: number;
  allWritten: number;
  levelsWritten: number;
  /** With groups or insights: the sums are read, groups written, and parts that are not written yet added up from their outcomes. */
  levelsWithSums: number;
  partsAddedUp: number;
  finished: number;
  groupedLedger: number;
  /** Of a run that failed before its receipts were written. */
  paymentsAdded: number;
}

const inFunction = ({ memoryMb }: Units, step: keyof Units['memoryMb'], seconds: number) => secondsInLambda(seconds, memoryMb[step]);

type Planning = Pick<Predictions, 'partStaged' | 'planCalls' | 'joined' | 'joinedWithLastPart'>;

function planning(units: Units): Planning {
  const { run, stage, join } = units;
  const partStaged = inFunction(units, 'plan-batches', stage.secondsPerPart) + s3Seconds(WRITES_OF_STAGED_PART);
  const staging = Math.max(1, Math.ceil((partStaged * run.parts) / (LAMBDA_SECONDS - DEADLINE_RESERVE_MS / 1000)));
  const isJoinedAlone = run.parts > JOINED_AT_ONCE_PARTS || run.batches > JOINED_AT_ONCE_BATCHES;
  const shareAtOnce = Math.min(1, JOINED_AT_ONCE_BATCHES / run.batches);
  return {
    partStaged,
    planCalls: staging + (isJoinedAlone ? 1 : 0),
    joined: inFunction(units, 'plan-batches', join.seconds) + s3Seconds(2 * run.parts, PARTS_IN_FLIGHT),
    joinedWithLastPart:
      inFunction(units, 'plan-batches', join.seconds * shareAtOnce) +
      s3Seconds(2 * Math.min(run.parts, JOINED_AT_ONCE_PARTS), PARTS_IN_FLIGHT),
  };
}

type Writing = Pick<Predictions, 'partWritten' | 'allWritten' | 'levelsWritten' | 'levelsWithSums' | 'partsAddedUp'>;

function writing(units: Units): Writing {
  const { run } = units;
  const inWriting = (seconds: number) => inFunction(units, 'write-tables', seconds);
  const partWritten = inWriting(units.part.seconds) + s3Seconds(PART_ROWS / 100, OUTCOME_READS_IN_FLIGHT);
  const levelsWritten = inWriting(units.levels.seconds) + s3Seconds(run.folds, FOLD_READS_IN_FLIGHT);
  const sumsRead = inWriting(units.groupSum.seconds * run.batches) + s3Seconds(run.parts, PARTS_IN_FLIGHT);
  // A row of a group has fewer columns than one of row_summaries, of which a part has so many.
  const groupsWritten = inWriting((units.part.seconds * run.batches) / PART_ROWS);
  // Parts that are not written yet when the levels come to them are added up there, while a hundred children write the others.
  const batchesOfPart = run.batches / run.parts;
  const partAddedUp = inWriting(units.outcome.seconds * batchesOfPart) + s3Seconds(batchesOfPart, OUTCOME_READS_IN_FLIGHT);
  const allWritten = Math.ceil(run.parts / CHILDREN_WRITING) * partWritten;
  const partsAddedUp = Math.min(run.parts, Math.ceil(allWritten / partAddedUp));
  return {
    ...{ partWritten, allWritten, levelsWritten, partsAddedUp },
    levelsWithSums: levelsWritten + sumsRead + groupsWritten + partsAddedUp * partAddedUp,
  };
}

function finishing(units: Units): Pick<Predictions, 'finished' | 'groupedLedger' | 'paymentsAdded'> {
  const { run } = units;
  const inFinishing = (seconds: number) => inFunction(units, 'finish-run', seconds);
  const tables = TABLES_OF_PART * run.parts + 1;
  const receiptsRead = s3Seconds(run.parts, RECEIPT_READS_IN_FLIGHT);
  const tablesCopied = s3Seconds(tables / LISTED_KEYS) + s3Seconds(tables, COPIES_IN_FLIGHT);
  const outcomesRead = Math.min(run.batches, MAX_OUTCOMES);
  return {
    finished: inFinishing(units.finish.seconds) + receiptsRead + tablesCopied + s3Seconds(run.parts, EXCERPT_READS_IN_FLIGHT),
    groupedLedger: inFinishing(units.groupedLedger.seconds) + receiptsRead,
    paymentsAdded:
      inFinishing(units.outcome.seconds * outcomesRead) +
      s3Seconds(outcomesRead / LISTED_KEYS) +
      s3Seconds(outcomesRead, PAYMENT_READS_IN_FLIGHT),
  };
}

export const predictionsOf = (units: Units): Predictions => ({ ...planning(units), ...writing(units), ...finishing(units) });

/** What Lambda bills of a run of so many rows besides the calls of the model: parts by their number, the rest as its share of the measured run. */
export function stepSecondsAt(rows: number, units: Units): StepSeconds {
  const { partStaged, joined, partWritten, levelsWritten, finished } = predictionsOf(units);
  const parts = Math.ceil(rows / PART_ROWS);
  const share = rows / units.run.rows;
  return {
    plan: parts * partStaged + share * joined,
    write: parts * partWritten + share * levelsWritten,
    finish: share * finished,
  };
}
