import pLimit from 'p-limit';
import type { Batch, Run } from '../shared/contract.ts';
import { type Answer, type Outcome, readOutcome } from '../shared/outcome.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { BatchCalls } from './batch-calls.ts';
import { readFolded } from './batch-lines.ts';
import { type BatchSummary, withoutSummary } from './batch-summary.ts';
import { contentKeyOf } from './content.ts';
import { nameThemes } from './name-themes.ts';
import { mergeRequest } from './prompt.ts';
import { reasonOf, summarizeParts } from './summarize-parts.ts';

/** Outcomes read at once. */
const READS_IN_FLIGHT = 32;

/** A summary that a fold takes in, by the batch that it is of. */
interface Child {
  batch: Batch;
  outcome: Outcome & { answer: Answer };
}

const textOf = ({ outcome }: Child) => outcome.answer.text;
const rowsOf = ({ batch, outcome }: Child) => batch.rows - outcome.rowsFailed;
const weightOf = (child: Child) => child.outcome.weight ?? rowsOf(child);

/** What a fold of these stands for, where the rows of the upload stand for others. */
const weightsOf = (children: readonly Child[]) =>
  children.some(({ outcome }) => outcome.weight !== undefined) && { weight: children.reduce((sum, child) => sum + weightOf(child), 0) };

/**
 * The one summary of the summaries beneath. Batches without one are left out, and so are summaries that the model refuses: their rows count
 * as failed. A single summary that is left stands for the fold as it is. What an earlier attempt made of the very same summaries stays, also
 * where some of them were refused.
 * @throws InvalidBatchError: the bytes are not the batches that the manifest line promises.
 */
export async function summarizeFold(
  fold: Batch,
  calls: BatchCalls,
  run: Run,
  work: ObjectStore,
  standing: Outcome | undefined,
  signal?: AbortSignal,
): Promise<BatchSummary> {
  const { batches, children } = await readChildren(fold, run, work, signal);
  const summary = await mergeSummaries(fold, batches, children, calls, run, standing);
  if (!run.settings.insights || summary.status === 'failed') return summary;
  const themes = await nameThemes(
    children.map(({ outcome }) => outcome),
    calls,
    run,
    standing,
  );
  return { ...summary, themes: { ...themes, parent: fold.parent } };
}

async function mergeSummaries(
  fold: Batch,
  batches: number,
  children: readonly Child[],
  calls: BatchCalls,
  run: Run,
  standing: Outcome | undefined,
): Promise<BatchSummary> {
  const [only] = children;
  if (!only) {
    return withoutSummary(fold.rows, { code: 'nothing_to_fold', message: `None of the ${batches} batches beneath has a summary` });
  }
  const rowsIn = children.reduce((rows, child) => rows + rowsOf(child), 0);
  const isWhole = rowsIn === fold.rows;
  const missing = batches - children.length;
  const incomplete = {
    code: 'incomplete',
    message:
      missing > 0
        ? `${missing} of the ${batches} batches beneath have no summary`
        : `${fold.rows - rowsIn} of the ${fold.rows} rows beneath are in no summary`,
  };
  if (children.length === 1) {
    const { answer, promptVersion, contentKey, fromCache } = only.outcome;
    const kept = { answer, promptVersion, contentKey, isForeign: fromCache, ...weightsOf(children) };
    return { status: 'partial', error: incomplete, failedRows: [], rowsFailed: fold.rows - rowsIn, ...kept };
  }

  const requestOf = (part: readonly Child[]) =>
    mergeRequest(
      part.map((child) => ({ rows: weightOf(child), summary: textOf(child) })),
      run.settings,
    );
  const mergeKey = contentKeyOf(run.dataset, run.endpoint, requestOf(children));
  if (standing && standing.status !== 'failed' && standing.mergeKey === mergeKey) return { ...summaryIn(standing), mergeKey };
  const { found, refused, error } = await summarizeParts(children, { requestOf, textOf, weightOf }, calls, run.settings);
  if (!found) return withoutSummary(fold.rows, reasonOf(error));
  const left = new Set(refused.map(({ part }) => part));
  const rowsRefused = refused.reduce((rows, { part }) => rows + rowsOf(part), 0);
  return {
    status: isWhole && rowsRefused === 0 ? 'ok' : 'partial',
    answer: found.content.answer,
    error: rowsRefused > 0 ? reasonOf(error) : isWhole ? null : incomplete,
    failedRows: [],
    rowsFailed: fold.rows - rowsIn + rowsRefused,
    ...weightsOf(children.filter((child) => !left.has(child))),
    promptVersion: found.content.promptVersion,
    contentKey: found.contentKey,
    isForeign: found.content.paidBy.runId !== run.runId,
    mergeKey,
  };
}

const summaryIn = ({
  status,
  answer,
  error,
  failedRows,
  rowsFailed,
  weight,
  promptVersion,
  contentKey,
  fromCache,
}: Outcome): BatchSummary => ({
  ...{ status, answer, error, failedRows, rowsFailed, weight, promptVersion, contentKey },
  isForeign: fromCache,
});

async function readChildren(
  fold: Batch,
  run: Run,
  work: ObjectStore,
  signal?: AbortSignal,
): Promise<{ batches: number; children: Child[] }> {
  const batches = await readFolded(fold, work, signal);
  const limit = pLimit(READS_IN_FLIGHT);
  const outcomes = await Promise.all(batches.map(({ level, batchId }) => limit(() => readOutcome(work, run.runId, level, batchId))));
  const children = batches.flatMap((batch, index): Child[] => {
    const outcome = outcomes[index];
    // A fold of an earlier attempt may have been made of other summaries; one of this attempt that is missing was lost.
    const isCurrent = batch.level === 0 || outcome?.attempt === run.attempt;
    const text = outcome?.answer?.text ?? null;
    return outcome?.answer && isCurrent && outcome.status !== 'failed' && text !== null
      ? [{ batch, outcome: { ...outcome, answer: { ...outcome.answer, text } } }]
      : [];
  });
  return { batches: batches.length, children };
}
