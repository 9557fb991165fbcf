import { ModelThrottledError, type Usage } from '../shared/errors.ts';
import type { MetricValues } from '../shared/metrics.ts';
import type { SummaryAnswer } from '../shared/ports.ts';

/** What a call that was billed counts; `answer` is null where what came is of no use. */
export const answerMetrics = (answer: SummaryAnswer | null, usage: Usage, costUsd: number | null): MetricValues => ({
  ModelCalls: 1,
  ModelThrottles: 0,
  ModelErrors: answer ? 0 : 1,
  ...(answer && { ModelLatency: answer.latencyMs }),
  InputTokens: usage.inputTokens,
  OutputTokens: usage.outputTokens,
  ...(costUsd !== null && { CostUsd: costUsd }),
});

/** What a call without an answer counts. Zeros are told, too: a share of errors is a share of calls. */
export const failureMetrics = (error: unknown): MetricValues => {
  const isThrottled = error instanceof ModelThrottledError;
  return { ModelCalls: 1, ModelThrottles: isThrottled ? 1 : 0, ModelErrors: isThrottled ? 0 : 1 };
};
