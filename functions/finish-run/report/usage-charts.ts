import { count, dollars } from '../../shared/figures.ts';
import { LATENCY_SECONDS, type Paid } from '../../shared/report-excerpt.ts';
import { type Chart, chartFigure } from './charts.ts';
import { type Html, html } from './html.ts';
import type { ReportContent } from './join-excerpts.ts';

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
/** A sum beside an axis: `$0.0025`, `$12`. */
const shortDollars = (value: number) => (value === 0 ? '0' : `$${Number(value.toPrecision(2))}`);

/** Charts of cost, tokens and time, each only where there is something to draw. */
export function usageCharts(content: ReportContent): Html {
  const { slices, levels } = content;
  const batches = slices.reduce((sum, slice) => sum + slice.batches, 0);
  const charts = [costChart(slices, levels, batches), tokenChart(slices, levels, batches), latencyChart(content.latencies)];
  const drawn = charts.filter((chart) => chart !== undefined);
  if (drawn.length === 0) return html`<p>No call was paid for in this run, so there is nothing to draw.</p>`;
  return html`<div class="charts">${drawn.map(chartFigure)}</div>`;
}

/** Names of the slices: the batches that each is of. */
function slicesNamed(slices: readonly Paid[]): { label: string; slice: Paid }[] {
  let first = 0;
  return slices.map((slice) => {
    const label = slice.batches > 1 ? `${first}–${first + slice.batches - 1}` : String(first);
    first += slice.batches;
    return { label, slice };
  });
}

const barNameOf = (batches: number, slices: number) => (batches > slices ? 'batches, in the order of the file' : 'batch');

function costChart(slices: readonly Paid[], levels: readonly Paid[], batches: number): Chart | undefined {
  const costs = slices.map(({ costUsd }) => costUsd);
  if (costs.some((cost) => cost === null) || costs.every((cost) => cost === 0)) return undefined;
  const all = slices.reduce((sum, { costUsd }) => sum + (costUsd ?? 0), 0);
  const above = levels.slice(1).reduce((sum, { costUsd }) => sum + (costUsd ?? 0), 0);
  const folds = above > 0 ? `, and ${dollars(above)} for the folds above them` : '';
  return {
    ...{ id: 'cost', title: 'Cost', series: ['dollars'], barName: barNameOf(batches, slices.length) },
    finding: `${dollars(all)} for the batches of rows${folds}; ${dollars(all / Math.max(1, batches))} a batch.`,
    bars: slicesNamed(slices).map(({ label, slice }) => ({ label, values: [slice.costUsd ?? 0] })),
    tickText: shortDollars,
    valueText: dollars,
  };
}

function tokenChart(slices: readonly Paid[], levels: readonly Paid[], batches: number): Chart | undefined {
  const total = (name: 'inputTokens' | 'outputTokens', of: readonly Paid[]) => of.reduce((sum, paid) => sum + paid[name], 0);
  const [input, output] = [total('inputTokens', slices), total('outputTokens', slices)];
  if (input + output === 0) return undefined;
  const above = total('inputTokens', levels.slice(1)) + total('outputTokens', levels.slice(1));
  const folds = above > 0 ? `; the folds above them took ${count(above)}` : '';
  return {
    ...{ id: 'tokens', title: 'Tokens', series: ['in', 'out'], barName: barNameOf(batches, slices.length) },
    finding: `${count(input)} in and ${count(output)} out for the batches of rows${folds}.`,
    bars: slicesNamed(slices).map(({ label, slice }) => ({ label, values: [slice.inputTokens, slice.outputTokens] })),
    tickText: (value) => compact.format(value),
    valueText: count,
  };
}

function latencyChart(latencies: readonly number[]): Chart | undefined {
  const all = latencies.reduce((sum, answers) => sum + answers, 0);
  if (all === 0) return undefined;
  const filled = latencies.flatMap((answers, bucket) => (answers > 0 ? [bucket] : []));
  const [first = 0, last = 0] = [filled[0], filled.at(-1)];
  const endOf = (bucket: number) => LATENCY_SECONDS[bucket];
  const labelOf = (bucket: number) => (endOf(bucket) === undefined ? `> ${LATENCY_SECONDS.at(-1)} s` : `≤ ${endOf(bucket)} s`);
  return {
    ...{ id: 'latency', title: 'Latency', series: ['answers'], barName: 'time of an answer' },
    finding: `Half of the answers took ${within(latencies, all / 2, endOf)}, 95 of 100 ${within(latencies, all * 0.95, endOf)}.`,
    bars: latencies.slice(first, last + 1).map((answers, index) => ({ label: labelOf(first + index), values: [answers] })),
    tickText: (value) => (Number.isInteger(value) ? compact.format(value) : ''),
    valueText: count,
  };
}

/** How long the fastest so many answers took at most, by the end of their bucket. */
function within(latencies: readonly number[], answers: number, endOf: (bucket: number) => number | undefined): string {
  let seen = 0;
  const bucket = latencies.findIndex((some) => {
    seen += some;
    return seen >= answers;
  });
  const end = endOf(bucket);
  return end === undefined ? `more than ${LATENCY_SECONDS.at(-1)} s` : `${end} s or less`;
}
