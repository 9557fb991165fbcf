import { count, counted } from '../figures.ts';
import type { ComparedWay } from './comparison.ts';

/** Differences of time below this share say more of the moment than of the way. */
const TELLING_SHARE = 0.1;

/** Whether a way came to its end, so that its figures can be held against others. */
export const isWhole = ({ status }: ComparedWay) => status === 'complete' || status === 'partial';
/** Whether it summarized what was asked of it: what failed cost little, which is no saving. */
const isSparing = (way: ComparedWay) => isWhole(way) && way.rows_failed === 0;
const percent = (less: number, more: number) => `${Math.round((1 - less / more) * 100)} %`;

/** The ways of the least and of the most of something, where they differ. */
function ends(ways: readonly ComparedWay[], figureOf: (way: ComparedWay) => number | null) {
  const known = ways.flatMap((way) => {
    const value = figureOf(way);
    return value === null ? [] : [{ way, value }];
  });
  if (known.length < ways.length || known.length < 2) return undefined;
  const ascending = known.toSorted((one, other) => one.value - other.value);
  const [least, most] = [ascending[0]!, ascending.at(-1)!];
  return least.value < most.value ? { least, most } : undefined;
}

/** Sentences on what the figures say: measured differences, nothing of how good the summaries are. */
export function findingsOf(all: readonly ComparedWay[], isOffline: boolean): string[] {
  const ways = all.filter(isSparing);
  const cost = ends(ways, ({ cost_usd }) => cost_usd);
  const tokens = ends(ways, ({ input_tokens, output_tokens }) => input_tokens + output_tokens);
  const time = ends(ways, ({ seconds }) => seconds);
  const dearer = cost ?? tokens;
  const isTimeTold = time && !isOffline && time.least.value <= time.most.value * (1 - TELLING_SHARE);
  return [
    ...(dearer
      ? [
          `${dearer.least.way.name} ${cost ? 'cost' : 'took'} ${percent(dearer.least.value, dearer.most.value)} ${cost ? 'less' : 'fewer tokens'} than ${dearer.most.way.name}.`,
        ]
      : []),
    ...(isTimeTold
      ? [`${time.least.way.name} took ${percent(time.least.value, time.most.value)} less time than ${time.most.way.name}.`]
      : []),
    ...(ways.length > 1 && !dearer && !time ? ['The ways do not differ in cost, tokens or time.'] : []),
  ];
}

/** Sentences on what a reader of the figures should be careful about. */
export function warningsOf(all: readonly ComparedWay[], isOffline: boolean): string[] {
  const isInterrupted = all.some(({ stop_reason }) => stop_reason === 'interrupted');
  return [
    ...(isOffline ? ['The offline model extracts sentences: its summaries are no measure of quality, its time none of a model’s.'] : []),
    ...keptNotes(all),
    ...all.flatMap((way) => [
      ...(isWhole(way) ? [] : [`${way.name}: ${unfinished(way, isInterrupted)}`]),
      ...(way.rows_failed > 0 && isWhole(way)
        ? [`${way.name}: ${counted(way.rows_failed, 'row')} failed and ${way.rows_failed === 1 ? 'is' : 'are'} in no summary.`]
        : []),
      ...(way.answers_cut_off > 0
        ? [
            `${way.name}: ${cutOff(way.answers_cut_off)} cut off at the most tokens that an answer may have; set --max-output-tokens higher.`,
          ]
        : []),
      ...(way.batches_ended_early > 0
        ? [
            `${way.name}: ${count(way.batches_ended_early)} of ${counted(way.batches, 'batch')} ended early: more rows would have passed the token budget of a call (--max-batch-tokens).`,
          ]
        : []),
      ...(way.calls_shared > 0
        ? [
            `${way.name}: ${sharedAnswers(way.calls_shared)} asked for by another way, too, and paid once; here they count as if paid again.`,
          ]
        : []),
    ]),
  ];
}

/** Which ways are shown as they were paid for at another time. */
function keptNotes(all: readonly ComparedWay[]): string[] {
  const begun = all.filter(({ calls }) => calls > 0);
  const isPaidNow = begun.some(({ calls_now }) => calls_now > 0);
  // What a way shares with another may have been paid for now.
  const kept = begun.filter(({ calls, calls_now, calls_shared }) => calls_now === 0 && !(isPaidNow && calls_shared === calls));
  if (kept.length === 0) return [];
  const names =
    kept.length === begun.length
      ? begun.length === all.length
        ? 'All ways'
        : 'All ways that have begun'
      : kept.map(({ name }) => name).join('; ');
  const isOne = kept.length === 1 && begun.length > 1;
  return [`${names} ${isOne ? 'is' : 'are'} kept from before: tokens, cost and time are those of then, and nothing was paid now.`];
}

const cutOff = (answers: number) => `${counted(answers, 'answer')} ${answers === 1 ? 'was' : 'were'}`;
const sharedAnswers = (answers: number) => `${counted(answers, 'answer')} ${answers === 1 ? 'is' : 'are'}`;

function unfinished({ status, stop_reason: reason }: ComparedWay, isInterrupted: boolean): string {
  if (status === 'failed') return `failed${reason === null ? '' : ` (${reason})`}.`;
  const words = status === 'unstarted' ? 'not begun' : `halted${reason === null ? '' : ` (${reason})`}`;
  return `${words}; the same command goes on${isInterrupted ? '' : ', with a higher --max-cost-usd where the money was used up'}.`;
}
