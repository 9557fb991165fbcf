import { REPORT_EXAMPLES, REPORT_KINDS } from '../../shared/limits.ts';
import { addPaid, type Kind, LATENCY_SECONDS, noPaid, type Paid, type ReportExcerpt } from '../../shared/report-excerpt.ts';

/** What a report shows besides the run's row of `runs`. */
export type ReportContent = Omit<ReportExcerpt, 'part' | 'attempt' | 'slices' | 'levels'> & {
  /** What was paid for equal slices of the batches of level 0, in their order. */
  slices: Paid[];
  /** What was paid for each level, level 0 first. */
  levels: Paid[];
};

const noContent = (): ReportContent => ({
  ...{ batches: [], slices: [], levels: [], latencies: Array.from({ length: LATENCY_SECONDS.length + 1 }, () => 0) },
  ...{ failedBatches: [], failedRows: [], rejected: [], groups: [], groupCount: 0, themes: [], quotes: {} },
});

/** The content of a report of the excerpts of all parts, in their order. */
export function joinExcerpts(excerpts: Iterable<ReportExcerpt>): ReportContent {
  const content = noContent();
  for (const excerpt of excerpts) {
    for (const batch of excerpt.batches) content.batches.push(batch);
    addByNumber(content.slices, excerpt.slices);
    addByNumber(content.levels, excerpt.levels);
    excerpt.latencies.forEach((answers, bucket) => {
      content.latencies[bucket] = (content.latencies[bucket] ?? 0) + answers;
    });
    for (const name of ['failedBatches', 'failedRows', 'rejected'] as const) addKinds(content[name], excerpt[name]);
    content.groups.push(...excerpt.groups);
    content.groupCount += excerpt.groupCount;
    content.themes.push(...excerpt.themes);
    for (const [theme, quotes] of Object.entries(excerpt.quotes)) {
      content.quotes[theme] = [...(content.quotes[theme] ?? []), ...quotes].slice(0, REPORT_EXAMPLES);
    }
  }
  for (const name of ['failedBatches', 'failedRows', 'rejected'] as const) content[name].sort((one, other) => other.count - one.count);
  return content;
}

function addByNumber(sums: Paid[], more: Readonly<Record<string, Paid>>): void {
  for (const [number, paid] of Object.entries(more)) {
    const at = Number(number);
    while (sums.length <= at) sums.push(noPaid());
    addPaid(sums[at] as Paid, paid);
  }
}

function addKinds(sums: Kind[], more: readonly Kind[]): void {
  for (const { code, count, examples } of more) {
    const known = sums.find((kind) => kind.code === code);
    if (known) {
      known.count += count;
      known.examples = [...known.examples, ...examples].slice(0, REPORT_EXAMPLES);
    } else if (sums.length < REPORT_KINDS) sums.push({ code, count, examples: [...examples] });
  }
}
