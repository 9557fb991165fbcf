import type { Batch } from '../../../functions/shared/contract.ts';
import { manifestKey, outcomeKey } from '../../../functions/shared/object-keys.ts';
import { type Outcome, outcomeSchema } from '../../../functions/shared/outcome.ts';
import type { SummaryRequest } from '../../../functions/shared/ports.ts';
import { manyTexts, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { answered, ScriptedSummarizer } from '../../fakes/scripted-summarizer.ts';
import { openBench, partsOf } from './summarize-bench.ts';

/** Two rows a batch, three summaries a fold. */
export const foldingRun = sampleRun({ settings: { batchRows: 2, rollUp: true, maxBatchTokens: 1_000, maxOutputTokens: 250 } });

/** Batches 0 to 2 and 3 to 5 are folded at level 1; batch 6, of one row, goes into the root as it is. */
export async function openFoldBench(texts: readonly string[] = manyTexts(13)) {
  const bench = await openBench({ run: foldingRun, texts });
  const foldsOf = (level: number) => bench.work.jsonLines<Batch>(manifestKey(RUN_ID, level));
  const outcomeAt = (level: number, batchId: number): Outcome => outcomeSchema.parse(bench.work.json(outcomeKey(RUN_ID, level, batchId)));
  const changeOutcome = (level: number, batchId: number, changes: Partial<Outcome>) =>
    bench.work.seed(outcomeKey(RUN_ID, level, batchId), JSON.stringify({ ...outcomeAt(level, batchId), ...changes }));
  /** A batch that has no summary. */
  const fail = (level: number, batchId: number) =>
    changeOutcome(level, batchId, { status: 'failed', answer: null, error: { code: 'gone', message: 'gone' }, mergeKey: undefined });
  return Object.assign(bench, { foldsOf, outcomeAt, changeOutcome, fail });
}

/** What the merges among some requests hold: the rows and the words of each summary. */
export const mergesIn = (requests: readonly SummaryRequest[]) =>
  requests.flatMap((request) => partsOf(request) ?? []).map(({ rows, summary }) => [rows, summary]);

/** Summarizes rows as `[first text]` and summaries as `(their words)`, except where a request has one of the bad words. */
export const naming = (isBad: (parts: readonly string[]) => boolean = () => false, failure: () => Error = () => new Error('bad')) =>
  new ScriptedSummarizer((request) => {
    const parts = partsOf(request);
    const words = parts?.map(({ summary }) => summary) ?? (JSON.parse(request.messages[1]?.content ?? '') as string[]);
    if (isBad(words)) return failure();
    return answered(parts ? `(${words.join(' ')})` : `[${words[0]}]`);
  });

type FoldBench = Awaited<ReturnType<typeof openFoldBench>>;

/** A run whose batches of rows are summarized. */
export async function openSummarized(...texts: Parameters<typeof openFoldBench>): Promise<FoldBench> {
  const bench = await openFoldBench(...texts);
  await bench.summarizeWith(naming());
  bench.work.operations.length = 0;
  return bench;
}

/** Makes the folds of a level. */
export const fold = (bench: FoldBench, level: number, model = naming(), options: Parameters<FoldBench['summarizeWith']>[1] = {}) =>
  bench.summarizeWith(model, { ...options, batches: bench.foldsOf(level) });
