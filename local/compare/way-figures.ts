import { rowsPerCall } from '../../functions/shared/answer-budget.ts';
import { latestAttempt, readAttempt } from '../../functions/shared/attempt.ts';
import type { Batch, Run } from '../../functions/shared/contract.ts';
import { jsonLines, parseJson } from '../../functions/shared/json-lines.ts';
import { manifestKey, runRecordKey } from '../../functions/shared/object-keys.ts';
import { type Outcome, outcomeKeys, readOutcomeAt } from '../../functions/shared/outcome.ts';
import { readPlan } from '../../functions/shared/plan.ts';
import type { ObjectStore } from '../../functions/shared/ports.ts';
import type { RunRecord } from '../local-run.ts';
import type { ComparedBatch, ComparedWay } from './comparison.ts';
import { type KeptAnswer, keptAnswers } from './kept-answers.ts';
import type { Sample } from './sample-file.ts';
import { type Taken, wholeCostUsd } from './whole-cost.ts';

/** One way of the comparison: its run, and what happened to it now. */
export interface WayRun {
  name: string;
  run: Run;
  estimatedCostUsd: number | null;
  /** The attempt that was made now; undefined where none was: all was there, or its turn did not come. */
  attemptNow: number | undefined;
}

/** The run's row of the table `runs`; undefined where no attempt has ended. */
export async function recordOf(work: ObjectStore, runId: string): Promise<RunRecord | undefined> {
  const bytes = await work.get(runRecordKey(runId));
  return bytes && (parseJson(bytes) as RunRecord);
}

/** What all ways have come to. */
export async function comparedWays(ways: readonly WayRun[], sample: Sample, work: ObjectStore): Promise<ComparedWay[]> {
  const answers = await keptAnswers(work, sample.dataset);
  const compared: ComparedWay[] = [];
  for (const way of ways) compared.push(await comparedWay(way, sample, answers, work));
  return compared;
}

async function comparedWay(way: WayRun, sample: Sample, answers: ReadonlyMap<string, KeptAnswer>, work: ObjectStore): Promise<ComparedWay> {
  const { run, attemptNow, estimatedCostUsd } = way;
  const { runId, settings } = run;
  const [record, plan, outcomes] = [await recordOf(work, runId), await readPlan(work, runId), await outcomesOf(work, runId)];
  const batches = plan ? await batchesOf(work, runId) : [];
  const sums = sumsOf(outcomes, answers, runId, attemptNow);
  const served = [...sums.served.values()].flatMap(({ answered }) => answered ?? []);
  const latencies = served.map(({ seconds }) => seconds).sort((one, other) => one - other);
  const told = (name: 'cachedInputTokens' | 'reasoningTokens') => totalOf([...sums.served.values()].map(({ usage }) => usage[name]));
  const status = statusOf(record, plan !== undefined);
  const number = (name: string) => Number(record?.[name] ?? 0);
  // What failed may have cost nothing: the price is that of a row that was summarized.
  const summarized = number('rows_summarized');
  const isWhole = (status === 'complete' || status === 'partial') && settings.groupColumn === null && summarized > 0;
  const scales = { batchScale: sample.rowsUsable / sample.rows, costScale: sample.rowsUsable / summarized };
  return {
    run_id: runId,
    name: way.name,
    batch_rows: settings.batchRows,
    model: settings.model,
    instruction: settings.instruction,
    status,
    stop_reason: record?.stop_reason === undefined ? null : (record.stop_reason as string | null),
    batches: batches.length,
    batches_failed: number('batches_failed'),
    batches_ended_early: endedEarly(batches, rowsPerCall(settings)),
    rows_summarized: number('rows_summarized'),
    rows_failed: number('rows_failed'),
    rows_rejected: number('rows_rejected'),
    rows_skipped: number('rows_skipped'),
    calls: sums.calls,
    calls_now: sums.callsNow,
    calls_shared: sums.shared,
    input_tokens: sums.batches.inputTokens + sums.folds.inputTokens,
    cached_input_tokens: told('cachedInputTokens'),
    output_tokens: sums.batches.outputTokens + sums.folds.outputTokens,
    reasoning_tokens: told('reasoningTokens'),
    cost_usd: added(sums.batches.costUsd, sums.folds.costUsd),
    cost_now_usd: sums.costNowUsd,
    whole_cost_usd: isWhole ? wholeCostUsd(sums, { endpoint: run.endpoint, settings, batchCount: batches.length, ...scales }) : null,
    seconds: await secondsOf(runId, answers, work),
    latency_median_seconds: atShare(latencies, 0.5),
    latency_p95_seconds: atShare(latencies, 0.95),
    answers_cut_off: served.filter(({ isCutOff }) => isCutOff).length,
    summary: record?.summary === undefined ? null : (record.summary as string | null),
    estimated_cost_usd: estimatedCostUsd,
    level0: comparedBatches(batches, outcomes),
  };
}

/** A way whose money pays for no call is refused before it is planned: it has not begun. One that was killed has no record and goes on another time. */
function statusOf(record: RunRecord | undefined, isPlanned: boolean): ComparedWay['status'] {
  if (!record || record.status === 'rejected') return isPlanned ? 'halted' : 'unstarted';
  return record.status as ComparedWay['status'];
}

async function outcomesOf(work: ObjectStore, runId: string): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for await (const key of outcomeKeys(work, runId)) {
    const outcome = await readOutcomeAt(work, key);
    if (outcome) outcomes.push(outcome);
  }
  return outcomes;
}

async function batchesOf(work: ObjectStore, runId: string): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of jsonLines<Batch>(work.stream(manifestKey(runId, 0)))) batches.push(batch);
  return batches;
}

/** Batches that are not the last of their group, nor of their part, and have fewer rows than a call takes. */
const endedEarly = (batches: readonly Batch[], most: number): number =>
  batches.filter(({ rows, groupKey, partKey }, index) => {
    const next = batches[index + 1];
    return rows < most && next !== undefined && next.groupKey === groupKey && next.partKey === partKey;
  }).length;

interface Sums {
  /** What the calls for batches of rows took, and those above them. */
  batches: Taken;
  folds: Taken;
  calls: number;
  callsNow: number;
  costNowUsd: number | null;
  shared: number;
  /** The answers that the way stands on, by their keys. */
  served: Map<string, KeptAnswer>;
}

/** What the way paid, and what it took from another that had paid for the same: each once. */
function sumsOf(
  outcomes: readonly Outcome[],
  answers: ReadonlyMap<string, KeptAnswer>,
  runId: string,
  attemptNow: number | undefined,
): Sums {
  const nothing = (): Taken => ({ inputTokens: 0, outputTokens: 0, costUsd: 0 });
  const own = [...answers].filter(([, { paidBy, answered }]) => paidBy.runId === runId && answered !== null);
  const sums: Sums = { batches: nothing(), folds: nothing(), calls: 0, callsNow: 0, costNowUsd: 0, shared: 0, served: new Map(own) };
  for (const { level, payments, contentKey, adoptedKeys = [] } of outcomes) {
    const taken = level === 0 ? sums.batches : sums.folds;
    for (const payment of payments) {
      add(taken, payment);
      sums.calls += payment.calls;
      if (payment.attempt !== attemptNow) continue;
      sums.callsNow += payment.calls;
      sums.costNowUsd = added(sums.costNowUsd, payment.costUsd);
    }
    for (const key of [...(contentKey === null ? [] : [contentKey]), ...adoptedKeys]) {
      const answer = answers.get(key);
      if (!answer || answer.paidBy.runId === runId || sums.served.has(key)) continue;
      sums.served.set(key, answer);
      add(taken, { ...answer.usage, costUsd: answer.costUsd });
      sums.calls++;
      sums.shared++;
    }
  }
  return sums;
}

const added = (one: number | null, other: number | null) => (one === null || other === null ? null : one + other);

function add(taken: Taken, { inputTokens, outputTokens, costUsd }: Taken): void {
  taken.inputTokens += inputTokens;
  taken.outputTokens += outputTokens;
  taken.costUsd = added(taken.costUsd, costUsd);
}

/** The sum of what is told, null where nothing is. */
function totalOf(counts: readonly (number | undefined)[]): number | null {
  const known = counts.filter((count) => count !== undefined);
  return known.length === 0 ? null : known.reduce((sum, count) => sum + count, 0);
}

/** The value that so large a share of the values do not exceed. @param ascending sorted. */
export const atShare = (ascending: readonly number[], share: number): number | null =>
  ascending[Math.max(0, Math.ceil(ascending.length * share) - 1)] ?? null;

/** The attempts' time until their last answers: what a process did not live to note is not needed for it. */
async function secondsOf(runId: string, answers: ReadonlyMap<string, KeptAnswer>, work: ObjectStore): Promise<number | null> {
  const lastOf = new Map<number, number>();
  for (const { paidBy, answered } of answers.values()) {
    if (paidBy.runId === runId && answered) lastOf.set(paidBy.attempt, Math.max(lastOf.get(paidBy.attempt) ?? 0, answered.at));
  }
  let milliseconds = 0;
  for (let attempt = await latestAttempt(work, runId); attempt > 0; attempt--) {
    const last = lastOf.get(attempt);
    const claim = last === undefined ? undefined : await readAttempt(work, runId, attempt);
    if (last !== undefined && claim) milliseconds += Math.max(0, last - Date.parse(claim.acceptedAt));
  }
  return lastOf.size === 0 ? null : milliseconds / 1000;
}

function comparedBatches(batches: readonly Batch[], outcomes: readonly Outcome[]): ComparedBatch[] {
  const level0 = new Map(outcomes.filter(({ level }) => level === 0).map((outcome) => [outcome.batchId, outcome]));
  return batches.map(({ batchId, groupKey, rows }) => {
    const outcome = level0.get(batchId);
    return { groupKey, rows, summary: outcome?.answer?.text ?? null, error: outcome?.error?.message ?? null };
  });
}
