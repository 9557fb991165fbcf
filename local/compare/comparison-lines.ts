import { count, dollars, duration, printable } from '../figures.ts';
import { clipped, widthOf, wrapped } from '../terminal-text.ts';
import type { ComparedWay, Comparison } from './comparison.ts';

/** Places between two columns. */
const GAP = 2;
/** Places that a column of figures has at most, and that a column of words has at least. */
const FIGURE_PLACES = 20;
const WORD_PLACES = 32;

const padded = (text: string, places: number) => text + ' '.repeat(Math.max(0, places - widthOf(text)));
const aligned = (text: string, places: number) => ' '.repeat(Math.max(0, places - widthOf(text))) + text;

/** Seconds of one call, finer than those of a run. */
const latency = (seconds: number) => (seconds < 1 ? `${Math.round(seconds * 1000)} ms` : duration(seconds));

/** What is shown of every way: its name, and the value where there is one. */
export interface Figure {
  label: string;
  values: string[];
}

const NONE = '-';
const ifKnown = (value: number | null, text: (value: number) => string) => (value === null ? NONE : text(value));
const spent = (way: ComparedWay, value: number | null) => (way.status === 'unstarted' ? NONE : dollars(value));

/** Whether what the whole file would cost says more than what the sample did. */
export const isProjected = ({ sample, ways }: Comparison): boolean =>
  sample.rows < sample.rows_usable && ways.some(({ whole_cost_usd: cost }) => (cost ?? 0) > 0);

/** The figures of all ways, those left out that no way has. */
export function figuresOf(comparison: Comparison): Figure[] {
  const { ways, varied } = comparison;
  const row = (label: string, figureOf: (way: ComparedWay, index: number) => string): Figure => ({ label, values: ways.map(figureOf) });
  const some = (isThere: (way: ComparedWay) => boolean, figure: Figure) => (ways.some(isThere) ? [figure] : []);
  const instructions = [...new Set(ways.map(({ instruction }) => instruction))];
  return [
    ...(varied.includes('batch_rows') ? [row('batch size', ({ batch_rows }) => count(batch_rows))] : []),
    ...(varied.includes('model') ? [row('model', ({ model }) => model)] : []),
    ...(varied.includes('instruction') ? [row('instruction', ({ instruction }) => String(instructions.indexOf(instruction) + 1))] : []),
    row('status', ({ status }) => status),
    row('calls', ({ calls }) => count(calls)),
    row('paid now', ({ calls_now }) => count(calls_now)),
    row('tokens in', ({ input_tokens }) => count(input_tokens)),
    ...some(
      ({ cached_input_tokens: cached }) => cached !== null,
      row('  cached', ({ cached_input_tokens: cached }) => ifKnown(cached, count)),
    ),
    row('tokens out', ({ output_tokens }) => count(output_tokens)),
    ...some(
      ({ reasoning_tokens: thoughts }) => thoughts !== null,
      row('  reasoning', ({ reasoning_tokens: thoughts }) => ifKnown(thoughts, count)),
    ),
    row('cost', (way) => spent(way, way.cost_usd)),
    ...(isProjected(comparison)
      ? [row('whole file', (way) => (way.whole_cost_usd === null ? NONE : `~${dollars(way.whole_cost_usd)}`))]
      : []),
    row('time', ({ seconds }) => ifKnown(seconds, duration)),
    row('call, median', ({ latency_median_seconds: seconds }) => ifKnown(seconds, latency)),
    row('call, 95 %', ({ latency_p95_seconds: seconds }) => ifKnown(seconds, latency)),
    row('rows failed', ({ rows_failed, status }) => (status === 'halted' ? `${count(rows_failed)} left` : count(rows_failed))),
    ...some(
      ({ rows_rejected }) => rows_rejected > 0,
      row('rejected', ({ rows_rejected }) => count(rows_rejected)),
    ),
    ...some(
      ({ rows_skipped }) => rows_skipped > 0,
      row('rows skipped', ({ rows_skipped }) => count(rows_skipped)),
    ),
    ...some(
      ({ answers_cut_off: cut }) => cut > 0,
      row('cut off', ({ answers_cut_off: cut }) => count(cut)),
    ),
  ];
}

/** The figures as a table, one column for each way; of more ways than fit beside each other, several tables. */
export function figureLines(figures: readonly Figure[], columns: number): string[] {
  const labelPlaces = Math.max(...figures.map(({ label }) => widthOf(label)));
  const cells = figures.map(({ values }) => values.map((value) => clipped(value, FIGURE_PLACES)));
  const places = (figures[0]?.values ?? []).map((_, way) => Math.max(...cells.map((values) => widthOf(values[way] ?? ''))));
  const lines: string[] = [];
  for (let first = 0; first < places.length; ) {
    let end = first + 1;
    let width = labelPlaces + GAP + (places[first] ?? 0);
    while (end < places.length && width + GAP + (places[end] ?? 0) <= columns) width += GAP + (places[end++] ?? 0);
    if (first > 0) lines.push('');
    for (const [index, { label }] of figures.entries()) {
      const values = places.slice(first, end).map((place, way) => ' '.repeat(GAP) + aligned(cells[index]?.[first + way] ?? '', place));
      lines.push(padded(label, labelPlaces) + values.join(''));
    }
    first = end;
  }
  return lines;
}

/** Texts with their names, side by side where the terminal is wide enough for it, else one below the other. */
export function besideEachOther(texts: readonly { name: string; text: string }[], columns: number): string[] {
  const places = Math.floor((columns - GAP * (texts.length - 1)) / texts.length);
  if (places < WORD_PLACES) {
    return texts.flatMap(({ name, text }, index) => [
      ...(index > 0 ? [''] : []),
      ...wrapped(`${name}:`, columns),
      ...wrapped(text, columns - 2).map((line) => `  ${line}`),
    ]);
  }
  const blocks = texts.map(({ name, text }) => [...wrapped(name, places), '', ...wrapped(text, places)]);
  const height = Math.max(...blocks.map((block) => block.length));
  return Array.from({ length: height }, (_, line) =>
    blocks
      .map((block) => padded(block[line] ?? '', places))
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
}

/** What a way says of the whole sample, or why it says nothing. */
export function rootText({ summary, status, level0 }: ComparedWay): string {
  if (summary !== null) return summary;
  if (status === 'unstarted') return 'Not begun.';
  if (status === 'halted') return 'Halted before the summaries were folded.';
  return level0.some((batch) => batch.summary !== null) ? 'Not folded to one; the page shows the summaries of the batches.' : 'No summary.';
}

/** The whole comparison for people, no line wider than `columns`. */
export function comparisonLines(comparison: Comparison, page: string, columns: number): string[] {
  const { source_key: source, sample, ways, varied, findings, warnings } = comparison;
  const instructions = [...new Set(ways.map(({ instruction }) => instruction))];
  const figures = figuresOf(comparison);
  return [
    ...wrapped(`${source}: ${sampleWords(comparison)}`, columns),
    '',
    ...figureLines(figures, columns),
    ...(varied.includes('instruction')
      ? ['', ...instructions.flatMap((instruction, index) => wrapped(`instruction ${index + 1}: ${oneLine(instruction)}`, columns))]
      : []),
    ...(isProjected(comparison)
      ? ['', ...wrapped(`whole file: what all ${count(sample.rows_usable)} rows would cost at the price of the sample.`, columns)]
      : []),
    '',
    ...besideEachOther(
      ways.map((way) => ({ name: way.name, text: oneLine(rootText(way)) })),
      columns,
    ),
    ...(findings.length + warnings.length > 0 ? [''] : []),
    ...findings.flatMap((sentence) => wrapped(sentence, columns)),
    ...warnings.flatMap((sentence) => wrapped(`Note: ${sentence}`, columns)),
    '',
    `page  ${page}`,
  ];
}

const oneLine = (text: string) => printable(text.replace(/\s+/g, ' '));

/** `a sample of 1,000 of 23,486 rows, spread over the whole file`. */
export function sampleWords({ sample }: Pick<Comparison, 'sample'>): string {
  const rejected = sample.rows_rejected > 0 ? `; ${count(sample.rows_rejected)} more are rejected` : '';
  return sample.rows < sample.rows_usable
    ? `a sample of ${count(sample.rows)} of ${count(sample.rows_usable)} rows, spread over the whole file${rejected}`
    : `all ${count(sample.rows)} rows${rejected}`;
}
