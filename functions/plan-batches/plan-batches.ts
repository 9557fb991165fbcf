import { answerTokensOf, rowsPerCall } from '../shared/answer-budget.ts';
import { readAttempt } from '../shared/attempt.ts';
import type { PlanBatchesInput, PlanBatchesOutput, Run } from '../shared/contract.ts';
import { InvalidUploadError, ResultConflictError } from '../shared/errors.ts';
import {
  FUNCTIONS_OF_LEVEL,
  JOINED_AT_ONCE_BATCHES,
  JOINED_AT_ONCE_PARTS,
  MAX_BATCHES_PER_FUNCTION,
  MIN_BATCHES_PER_FUNCTION,
  SINGLE_BATCH_LIMIT,
} from '../shared/limits.ts';
import { costUsd, OFFLINE_ENDPOINT, shutdownWarning } from '../shared/model-catalog.ts';
import { manifestKey, partsKey, planKey, readableCopiesPrefix } from '../shared/object-keys.ts';
import { type Plan, readPlan } from '../shared/plan.ts';
import type { Control, EventSink, ObjectStore } from '../shared/ports.ts';
import { readRefusal, writeRefusal } from '../shared/refusal.ts';
import { runEvent } from '../shared/run-event.ts';
import { type Settings, settingsOfAttempt } from '../shared/settings.ts';
import { longestAnswerTokens, runEstimate } from '../summarize-batch/run-estimate.ts';
import { listed } from './columns.ts';
import { groupNotes, noGroups } from './group-notes.ts';
import { duplicateNote } from './id-memory.ts';
import { joinManifest } from './join-manifest.ts';
import { openPinned } from './open-pinned.ts';
import { planLevels } from './plan-levels.ts';
import { noRedactions, redactionNote, redactorOf } from './redaction.ts';
import { stageGroups } from './stage-groups.ts';
import { type PlanningState, stageRows } from './stage-rows.ts';
import type { Upload } from './upload.ts';

const BUDGET_BELOW_ONE_CALL = 'budget_below_one_call';

export interface PlanBatchesPorts {
  input: ObjectStore;
  work: ObjectStore;
  resultsBucket: string;
  control: Pick<Control, 'stopReason'>;
  events: EventSink;
  /** Batches in flight in one run. */
  concurrency: number;
  /** Batches that one function takes, of a level of so many. @default shareOfFunction */
  batchesPerFunction?: (batches: number) => number;
  /** Whether the invocation should stop at the next part boundary and be called again. */
  isTimeShort: () => boolean;
}

/**
 * Says what comes next. Level 0 is staged from the upload, over several invocations where it is large, of which the last joins the manifests, and
 * frozen in `plan.json` together with all levels above it, which follow from it alone; then the levels are summarized one after the other until one summary is left.
 * @throws InvalidUploadError: the file cannot be a source of rows; the reason is kept for its owner in `refusal.json`.
 * @throws ResultConflictError: the frozen plan says something else than this planning of the same upload.
 */
export async function planBatches(input: PlanBatchesInput, ports: PlanBatchesPorts): Promise<PlanBatchesOutput> {
  const { run, level } = input;
  const stopReason = (await ports.control.stopReason(run.runId, run.attempt)) ?? null;
  const frozen = await readPlan(ports.work, run.runId);
  if (level > 0) return { ...foldOrWrite(run, frozen, level, ports), ...(stopReason && { next: 'write', stopReason }) };

  if (stopReason)
    return { ...stepsOf(frozen ? withFrozenSettings(run, frozen) : run, ports), next: frozen ? 'write' : 'finish', level, stopReason };
  if (frozen) {
    await dropCopies(frozen, ports.work);
    return summarize(run, frozen, ports);
  }
  const refusal = await readRefusal(ports.work, run.runId);
  if (refusal?.origin === 'settings') throw new InvalidUploadError(refusal.reason, { code: 'invalid_settings' });
  try {
    const upload = await openPinned(run, ports.input, ports.work);
    requireWeights(upload, run.settings);
    const { state, continueWithPart, refusal: noneLeft } = await stage(upload, input, ports);
    const goOn: PlanBatchesOutput = { ...stepsOf(run, ports), next: 'plan', level, continueWithPart };
    if (!state.isLast) return goOn;
    if (state.counts.rowsStaged === 0) throw noneLeft ?? noRows(upload, state);
    // A call that had nothing to stage any more is the one that joins.
    const hasStaged = continueWithPart !== input.continueWithPart;
    if (hasStaged && (ports.isTimeShort() || isLongJoin(state))) return goOn;
    await joinManifest(ports.work, run, state.counts);
    const levels = await planLevels(run, state.counts, ports.work);
    const plan = await planOf(run, upload, state, levels, ports.work);
    requireBudget(plan);
    const standing = await freeze(plan, ports.work);
    await dropCopies(standing, ports.work);
    return summarize(run, standing, ports);
  } catch (error) {
    if (error instanceof InvalidUploadError) {
      await dropCopies(run, ports.work);
      const origin = error.code === BUDGET_BELOW_ONE_CALL ? 'budget' : 'upload';
      await writeRefusal(ports.work, run.runId, { reason: withoutRedactable(error.message, run.settings), origin, code: error.code });
    }
    throw error;
  }
}

/** Stages what an invocation has time for. `refusal`: why the grouping leaves no row to be summarized, where it does. */
async function stage(
  upload: Upload,
  { run, continueWithPart }: PlanBatchesInput,
  { work, isTimeShort }: PlanBatchesPorts,
): Promise<{ state: PlanningSums; continueWithPart: number; refusal?: InvalidUploadError | undefined }> {
  if (upload.groupColumns === null) {
    const state = await stageRows(upload, run, work, continueWithPart, isTimeShort);
    return { state, continueWithPart: state.counts.parts };
  }
  const state = await stageGroups(upload, run, work, continueWithPart, isTimeShort);
  return {
    state,
    continueWithPart: state.steps,
    refusal: state.counts.rowsStaged === 0 ? noGroups(upload.groupColumns, state, run.settings) : undefined,
  };
}

/** Whether joining the manifests takes longer than what a call surely has left after the last part. */
const isLongJoin = ({ counts }: PlanningSums) => counts.parts > JOINED_AT_ONCE_PARTS || counts.batches > JOINED_AT_ONCE_BATCHES;

type PlanningSums = Pick<PlanningState, 'counts' | 'isLast' | 'duplicateIds' | 'isLeastDuplicateIds'>;

/** Sentences may quote the first lines of an upload. */
const withoutRedactable = (words: string, { redact }: Settings) => redactorOf(redact)?.(words, noRedactions()) ?? words;

/** Removes the readable copies of an upload that was planned or refused, where they hold what its rows may not. */
async function dropCopies({ runId, settings }: Pick<Run, 'runId' | 'settings'>, work: ObjectStore): Promise<void> {
  if (settings.redact.length === 0) return;
  const copies: string[] = [];
  for await (const { key } of work.list(readableCopiesPrefix(runId))) copies.push(key);
  await work.delete(copies);
}

/** What every output has in common; the next planning call of a level starts at its beginning. */
const stepsOf = (run: Run, { work, concurrency }: PlanBatchesPorts) => ({
  run,
  continueWithPart: null,
  manifest: { bucket: work.bucket, key: manifestKey(run.runId, 0) },
  parts: { bucket: work.bucket, key: partsKey(run.runId) },
  batchesPerFunction: 1,
  maxConcurrency: concurrency,
  stopReason: null,
});

const withFrozenSettings = (run: Run, plan: Plan): Run => ({ ...run, settings: settingsOfAttempt(plan.settings, run.settings) });

async function summarize(run: Run, plan: Plan, ports: PlanBatchesPorts): Promise<PlanBatchesOutput> {
  // Of what is frozen alone, so that every delivery says the same.
  await ports.events.publish(
    runEvent(run, {
      status: 'started',
      counts: countsAtStart(plan),
      date: plan.date,
      resultsBucket: ports.resultsBucket,
      workBucket: ports.work.bucket,
    }),
  );
  return { ...stepsOf(withFrozenSettings(run, plan), ports), ...mapOver(0, plan.counts.batches, run, ports) };
}

/** The map over the batches of one level. */
function mapOver(level: number, batches: number, { runId }: Run, ports: PlanBatchesPorts) {
  const { work, concurrency } = ports;
  const batchesPerFunction = (ports.batchesPerFunction ?? shareOfFunction)(batches);
  return {
    next: 'summarize' as const,
    level,
    manifest: { bucket: work.bucket, key: manifestKey(runId, level) },
    batchesPerFunction,
    maxConcurrency: Math.max(1, Math.ceil(concurrency / batchesPerFunction)),
  };
}

/** The map over a level above 0, planned with level 0; the tables where the level below is the root's. */
function foldOrWrite(run: Run, plan: Plan | undefined, level: number, ports: PlanBatchesPorts): PlanBatchesOutput {
  const folds = plan?.folds[level - 1];
  if (folds === undefined) return { ...stepsOf(run, ports), next: 'write', level };
  return { ...stepsOf(run, ports), ...mapOver(level, folds, run, ports) };
}

const countsAtStart = ({ counts }: Plan) => ({
  rowsIn: counts.rowsIn,
  rowsSummarized: 0,
  rowsFailed: 0,
  rowsRejected: counts.rowsRejected,
  rowsSkipped: counts.rowsSkipped,
  batches: counts.batches,
  batchesFailed: 0,
  calls: 0,
  costUsd: 0,
});

/** Batches that one function takes: one while they are few, then 10, which saves transitions, and up to 25, so that the children stay below a hundred thousand as long as can be. */
export function shareOfFunction(batches: number): number {
  if (batches < SINGLE_BATCH_LIMIT) return 1;
  const share = Math.ceil(batches / FUNCTIONS_OF_LEVEL);
  return Math.min(MAX_BATCHES_PER_FUNCTION, Math.max(MIN_BATCHES_PER_FUNCTION, share));
}

/** @throws InvalidUploadError: the column of the weights is not there. */
function requireWeights({ columns, textColumn }: Upload, { weightColumn }: Settings) {
  if (weightColumn === null || (columns.includes(weightColumn) && weightColumn !== textColumn)) return;
  throw new InvalidUploadError(
    `There is no column "${weightColumn}" beside the text; set weightColumn (--weight-column) to one of the columns: ${listed(columns)}.`,
    { code: 'unknown_column' },
  );
}

/** Why an upload without a usable row is refused. */
export const noRows = (upload: Upload, { counts }: { counts: { rowsIn: number } }) =>
  new InvalidUploadError(
    `None of the ${counts.rowsIn.toLocaleString('en')} rows can be summarized: column "${upload.textColumn}" holds no usable text. ` +
      `Name another column with textColumn (--text-column); the columns are: ${upload.columns.join(', ')}.`,
    { code: 'no_usable_rows' },
  );

/** A cap that is lower than the whole estimate is spent and then halts the run; one that pays for no call is a mistake. */
function requireBudget(plan: Plan) {
  const { endpoint, settings, counts, folds } = plan;
  const { maxCostUsd, model } = settings;
  // At the standard tier, as each call reserves it.
  const { calls } = runEstimate({ ...counts, folds }, settings);
  const usage = {
    inputTokens: counts.inputTokens / calls,
    outputTokens: Math.min(answerTokensOf(counts.rowsStaged, settings), longestAnswerTokens(settings)),
  };
  const callUsd = costUsd(endpoint, model, null, usage) ?? 0;
  if (maxCostUsd === null || maxCostUsd >= callUsd) return;
  throw new InvalidUploadError(
    `maxCostUsd is ${maxCostUsd}, but one call can cost ${callUsd.toPrecision(2)} dollars; allow at least that much.`,
    {
      code: BUDGET_BELOW_ONE_CALL,
    },
  );
}

async function planOf(
  run: Run,
  upload: Upload,
  state: PlanningSums,
  { folds }: Awaited<ReturnType<typeof planLevels>>,
  work: ObjectStore,
): Promise<Plan> {
  const { counts } = state;
  const first = await readAttempt(work, run.runId, 1);
  if (!first) throw new Error(`Run ${run.runId} has no first attempt`);
  const { settings } = run;
  const { inputTokens, outputTokens } = runEstimate({ ...counts, folds }, settings);
  const truncated =
    counts.rowsTruncated > 0
      ? [
          `${counts.rowsTruncated.toLocaleString('en')} ${counts.rowsTruncated === 1 ? 'text was' : 'texts were'} cut at ${settings.maxRowCharacters.toLocaleString('en')} characters.`,
        ]
      : [];
  const shutdown = run.endpoint === OFFLINE_ENDPOINT ? undefined : shutdownWarning(settings.model, Date.parse(first.acceptedAt));
  const batchRows = rowsPerCall(settings);
  const fewerRows =
    batchRows < settings.batchRows
      ? [`Batches have at most ${batchRows} rows, not ${settings.batchRows}, so that what is asked of all of them fits into one answer.`]
      : [];
  const limited = run.limit === counts.rowsIn ? [`Only the first ${run.limit} rows were read.`] : [];
  return {
    runId: run.runId,
    dataset: run.dataset,
    source: run.source,
    endpoint: run.endpoint,
    limit: run.limit,
    date: first.acceptedAt.slice(0, 10),
    startedAt: first.acceptedAt,
    settings,
    format: upload.format,
    textColumn: upload.textColumn,
    idColumn: upload.idColumn,
    notes: [
      ...(shutdown ? [shutdown] : []),
      ...upload.notes.map((note) => withoutRedactable(note, settings)),
      ...limited,
      ...fewerRows,
      ...truncated,
      ...groupNotes(upload.groupColumns, counts, settings),
      ...redactionNote(settings.redact, counts.redacted),
      ...duplicateNote(state.duplicateIds, state.isLeastDuplicateIds),
    ],
    counts: { ...counts, inputTokens },
    folds,
    estimatedCostUsd: costUsd(run.endpoint, settings.model, settings.serviceTier, { inputTokens, outputTokens }),
  };
}

/** @returns the plan that stands: this one, or an equal one that another invocation froze first. */
async function freeze(plan: Plan, work: ObjectStore): Promise<Plan> {
  if (await work.putIfAbsent(planKey(plan.runId), JSON.stringify(plan))) return plan;
  const standing = await readPlan(work, plan.runId);
  if (JSON.stringify(standing?.counts) === JSON.stringify(plan.counts)) return standing as Plan;
  throw new ResultConflictError(`The plan of ${plan.runId} is frozen with other counts`, { code: 'plan_conflict' });
}
