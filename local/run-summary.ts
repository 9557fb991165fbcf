import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { rowsPerCall } from '../functions/shared/answer-budget.ts';
import type { Batch } from '../functions/shared/contract.ts';
import { jsonLines } from '../functions/shared/json-lines.ts';
import { OFFLINE_MODEL } from '../functions/shared/model-catalog.ts';
import { manifestKey, reportKey, tablePrefix } from '../functions/shared/object-keys.ts';
import { readOutcome, readOutcomeAt } from '../functions/shared/outcome.ts';
import { type Plan, readPlan } from '../functions/shared/plan.ts';
import type { ObjectStore } from '../functions/shared/ports.ts';
import type { Settings } from '../functions/shared/settings.ts';
import { runEstimate } from '../functions/summarize-batch/run-estimate.ts';
import { atMostDollars, count, counted, dollars, duration, printable } from './figures.ts';
import { largestGroupLines } from './largest-groups.ts';
import type { RunRecord } from './local-run.ts';
import { type Again, nextStep, outFlag } from './next-step.ts';
import { rowSummaryLines } from './row-summary-lines.ts';
import { topThemeLines } from './top-themes.ts';

export const OFFLINE_NOTICE = 'offline extract, no language model';
const SHOWN_BATCHES = 3;

const modelName = (model: unknown) => (model === OFFLINE_MODEL ? OFFLINE_NOTICE : String(model));

/** What is about to happen, before the first call. */
export function planLines(plan: Plan, model: string): string[] {
  const { rowsIn, rowsRejected, rowsSkipped, groups, batches, inputTokens } = plan.counts;
  const left = [
    ...(rowsRejected > 0 ? [`${count(rowsRejected)} rejected`] : []),
    ...(rowsSkipped > 0 ? [`${count(rowsSkipped)} skipped`] : []),
  ];
  const rejected = left.length > 0 ? ` (${left.join(', ')})` : '';
  const grouped = groups === null ? '' : `${counted(groups, 'group')}, `;
  const { calls, outputTokens, paragraphs, names } = runEstimate({ ...plan.counts, folds: plan.folds }, plan.settings);
  const fewer = paragraphs + names > 0 ? 'at most ' : '';
  const cost = atMostDollars(plan.estimatedCostUsd);
  const columns = `text "${plan.textColumn}", id ${plan.idColumn === null ? 'from the row number' : `"${plan.idColumn}"`}`;
  return [
    printable(`${plan.source.key}: ${plan.format}, ${columns}`),
    `${counted(rowsIn, 'row')}${rejected}, ${grouped}${counted(batches, 'batch')} of up to ${rowsPerCall(plan.settings)}, ${fewer}${counted(calls, 'call')}; at most ${count(inputTokens)} tokens in, ${count(outputTokens)} out; ${cost}; ${modelName(model)}`,
    ...plan.notes.map((note) => `Note: ${note}`),
  ];
}

const verdicts: Record<string, string> = {
  complete: 'Complete',
  partial: 'Partial',
  failed: 'Failed',
  rejected: 'Rejected',
};

function verdictLine({ status, stop_reason: reason }: RunRecord): string {
  if (status !== 'halted') return `${verdicts[String(status)]}${reason === null ? '' : `: ${reason}`}`;
  const remedy = String(reason).startsWith('budget_exceeded') ? ' with a higher --max-cost-usd' : '';
  return `Halted (${reason}): run it again${remedy} to go on`;
}

const oneLine = (text: string) => printable(text.replace(/\s+/g, ' '));

/** Where a run of this machine has its report, if it has one. */
export const reportPath = (out: string, runId: string) => join(out, 'results', reportKey(runId));

/** The readable result of a run, for stdout. */
export async function summaryLines(record: RunRecord, out: string, work: ObjectStore, again: Again): Promise<string[]> {
  const number = (name: string) => Number(record[name] ?? 0);
  const report = reportPath(out, String(record.run_id));
  const cost = record.cost_usd === null ? null : number('cost_usd');
  const seconds = (Date.parse(String(record.finished_at)) - Date.parse(String(record.started_at))) / 1000;
  const lines = [printable(verdictLine(record))];
  if (record.status === 'rejected') return lines;
  const next = nextStep(record, again, out);
  // What a halted run has not come to is not lost.
  const failed = record.status === 'halted' ? 'left' : 'failed';
  const rows = [
    `${count(number('rows_in'))} read`,
    `${count(number('rows_summarized'))} summarized`,
    `${count(number('rows_failed'))} ${failed}`,
    `${count(number('rows_rejected'))} rejected`,
    ...(number('rows_skipped') > 0 ? [`${count(number('rows_skipped'))} skipped`] : []),
  ].join(', ');
  const settings = JSON.parse(String(record.settings)) as Settings;
  // In a run that is not complete some folds and paragraphs may have had nothing to ask, and in any run some themes had no names to be asked for.
  const plan = record.status === 'complete' ? await readPlan(work, String(record.run_id)) : undefined;
  const answers = plan ? await leastAnswers(plan, work) : number('batches') - number('batches_failed');
  const reused = answers - number('calls_this_attempt');
  lines.push(
    `  rows     ${rows}`,
    ...(record.groups === null || record.groups === undefined ? [] : [`  groups   ${count(number('groups'))}`]),
    `  batches  ${count(number('batches'))}, ${count(number('batches_failed'))} ${failed}`,
    `  calls    ${count(number('calls_this_attempt'))} now, ${count(number('calls'))} in all${reused > 0 ? ` (${counted(reused, 'answer')} already there)` : ''}`,
    `  tokens   ${count(number('input_tokens'))} in, ${count(number('output_tokens'))} out; ${dollars(cost)}`,
    ...(number('calls') === number('calls_this_attempt') ? [`  time     ${duration(seconds)}`] : []),
    `  model    ${modelName(record.model)}`,
    `  run      ${record.run_id}`,
    `  tables   ${join(out, 'results', tablePrefix(''))}`,
    ...(existsSync(report) ? [`  report   ${report}`] : []),
  );
  const notice = record.model === OFFLINE_MODEL ? ` (${OFFLINE_NOTICE})` : '';
  const shown =
    record.summary === null
      ? settings.granularity === 'row'
        ? []
        : await firstSummaries(record, work)
      : [`  ${oneLine(String(record.summary))}`];
  const heading = record.summary === null ? 'First batch summaries' : await summaryHeading(record, work);
  if (shown.length > 0) lines.push('', `${heading}${notice}:`, ...shown);
  const rowLines = settings.granularity === 'row' ? await rowSummaryLines(String(record.run_id), work) : [];
  if (rowLines.length > 0) lines.push('', `First row summaries${notice}:`, ...rowLines);
  const groups = number('groups') > 0 ? await largestGroupLines(record, out) : [];
  if (groups.length > 0) lines.push('', ...groups);
  const themes = settings.insights && settings.rollUp ? await topThemeLines(record, out) : [];
  if (themes.length > 0) lines.push('', ...themes);
  const question =
    themes.length > 0
      ? '--named theme_evidence'
      : groups.length > 0
        ? '--named group_roots'
        : '"select id, text, summary from row_summaries limit 5"';
  lines.push('', `Ask on: npm run query --${outFlag(out)} ${question}`, ...(next === null ? [] : [next]));
  return lines;
}

/** All that a program's reader is told beside the record: of a run that is complete, nothing. */
export function troubleLines(record: RunRecord, out: string, again: Again): string[] {
  if (record.status === 'complete') return [];
  const next = nextStep(record, again, out);
  return [printable(verdictLine(record)), ...(next === null ? [] : [next])];
}

/** Answers that a complete run stands on, at least: names of themes are left out, which some folds need no call for. */
async function leastAnswers(plan: Plan, work: ObjectStore): Promise<number> {
  const { calls, names, paragraphs } = runEstimate({ ...plan.counts, folds: plan.folds }, plan.settings);
  return calls - names - (paragraphs > 0 ? await batchesOfOneRow(plan.runId, work) : 0);
}

/** Their row's summary is their paragraph. */
async function batchesOfOneRow(runId: string, work: ObjectStore): Promise<number> {
  let batches = 0;
  for await (const line of jsonLines<Batch>(work.stream(manifestKey(runId, 0)))) if (line.rows === 1) batches++;
  return batches;
}

/** What the root stands for. */
async function summaryHeading(record: RunRecord, work: ObjectStore): Promise<string> {
  const rows = Number(record.rows_summarized) + Number(record.rows_failed);
  const outcome = await readOutcomeAt(work, String(record.summary_key));
  const missing = outcome?.rowsFailed ?? 0;
  return missing === 0 ? 'Summary of all' : `Summary of ${count(rows - missing)} of ${counted(rows, 'row')}`;
}

async function firstSummaries(record: RunRecord, work: ObjectStore): Promise<string[]> {
  const batches = Math.min(SHOWN_BATCHES, Number(record.batches));
  const outcomes = await Promise.all(Array.from({ length: batches }, (_, batchId) => readOutcome(work, String(record.run_id), 0, batchId)));
  return outcomes.flatMap((outcome) => {
    if (!outcome) return [];
    const text = outcome.answer?.text ?? `failed (${outcome.error?.code}): ${outcome.error?.message}`;
    return [`  ${outcome.batchId}  ${oneLine(text)}`];
  });
}
