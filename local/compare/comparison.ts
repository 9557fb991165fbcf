import type { AlignableBatch } from './alignment.ts';

/** What became of one way, as `compare --json` prints it; names that the table `runs` has, too, mean the same here. */
export interface WayFigures {
  run_id: string;
  /** What tells it apart from the others: `50 rows a call, gpt-6-luna`. */
  name: string;
  batch_rows: number;
  /** The model that was asked for; the offline model server answers in any name. */
  model: string;
  instruction: string;
  /** `unstarted`: the money or the time was over before its turn. */
  status: 'complete' | 'partial' | 'failed' | 'halted' | 'rejected' | 'unstarted';
  stop_reason: string | null;
  batches: number;
  batches_failed: number;
  /** Batches that ended before they had `batch_rows` rows, because of maxBatchTokens. */
  batches_ended_early: number;
  rows_summarized: number;
  rows_failed: number;
  rows_rejected: number;
  rows_skipped: number;
  /** Answers that it stands on, whoever paid for them, now or before. */
  calls: number;
  /** Those of them that were paid for now. */
  calls_now: number;
  /** Those of them that another way had paid for: both ask the same. They are in all figures as if this way had paid for them. */
  calls_shared: number;
  input_tokens: number;
  /** Parts of the tokens in and out, null where the endpoint does not tell them. */
  cached_input_tokens: number | null;
  output_tokens: number;
  reasoning_tokens: number | null;
  /** null where the price is unknown, here and below. */
  cost_usd: number | null;
  cost_now_usd: number | null;
  /** What the whole file would cost at the same price a row; null also where that cannot be said. */
  whole_cost_usd: number | null;
  /** From the start of each attempt to its last answer; null where it asked for nothing itself. */
  seconds: number | null;
  latency_median_seconds: number | null;
  latency_p95_seconds: number | null;
  /** Answers that ended at the limit of their tokens. */
  answers_cut_off: number;
  summary: string | null;
  estimated_cost_usd: number | null;
}

/** A batch of rows of one way, with what it says. */
export interface ComparedBatch extends AlignableBatch {
  summary: string | null;
  /** Why it has none, in words. */
  error: string | null;
}

/** A way with what only the page shows. */
export interface ComparedWay extends WayFigures {
  level0: ComparedBatch[];
}

export interface Comparison {
  name: string;
  source_key: string;
  sample: { rows: number; rows_usable: number; rows_rejected: number };
  endpoint: string;
  is_offline: boolean;
  calls_now: number;
  cost_now_usd: number | null;
  /** What differs between the ways, in the order in which they are named. */
  varied: ('batch_rows' | 'model' | 'instruction')[];
  ways: ComparedWay[];
  /** Sentences on what the figures say, and on what to be careful about. */
  findings: string[];
  warnings: string[];
}

/** What is printed with `--json`. */
export const comparisonJson = ({ ways, ...comparison }: Comparison, page: string) => ({
  ...comparison,
  page,
  ways: ways.map(({ level0: _, ...figures }) => figures),
});
