import type { Batch } from '../functions/shared/contract.ts';
import { costUsd } from '../functions/shared/model-catalog.ts';
import type { Summarizer } from '../functions/shared/ports.ts';

/** What a run has done so far in this process, for people to watch. The tables do not depend on it. */
export class RunMeter {
  batchesTotal = 0;
  batchesDone = 0;
  rowsDone = 0;
  calls = 0;
  callsFailed = 0;
  inputTokens = 0;
  outputTokens = 0;
  /** null once the price of an answer is unknown. */
  costUsd: number | null = 0;

  batchesSettled(batches: readonly Batch[]) {
    this.batchesDone += batches.length;
    // Rows are done at level 0; above it the same ones are folded.
    for (const batch of batches) if (batch.level === 0) this.rowsDone += batch.rows;
  }

  /** The summarizer, with its answers counted. */
  counting(summarizer: Summarizer, endpoint: string): Summarizer {
    return {
      summarize: async (request, options) => {
        try {
          const answer = await summarizer.summarize(request, options);
          this.calls++;
          this.inputTokens += answer.usage.inputTokens;
          this.outputTokens += answer.usage.outputTokens;
          const cost = costUsd(endpoint, request.model, answer.serviceTier, answer.usage);
          this.costUsd = this.costUsd === null || cost === null ? null : this.costUsd + cost;
          return answer;
        } catch (error) {
          this.callsFailed++;
          throw error;
        }
      },
    };
  }
}
