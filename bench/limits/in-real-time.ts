import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamoDbRateLimiter } from '../../functions/shared/adapters/dynamodb-rate-limiter.ts';
import type { RateLimiter } from '../../functions/shared/ports.ts';
import { providerLimits } from '../../functions/shared/rate-headers.ts';
import { rateLimiter as providerBuckets, type RateLimits } from '../../local/model-server/rate-limits.ts';

export interface RealFigures {
  admitted: number[];
  sent: number;
  refused: number;
  /** Requests that the table had to answer. */
  tableRequests: number;
}

/** What the endpoint counts for a call, also in virtual time. */
export const TOKENS = 1_000;
const CALL_MS = 200;

/** Runs, each a process of its own in all but name, with so many workers, that share one item of a DynamoDB table for so many seconds. */
export async function runInRealTime(
  { client, tableName }: { client: DynamoDBClient; tableName: string },
  { provider, runs, seconds }: { provider: RateLimits; runs: readonly number[]; seconds: number },
): Promise<RealFigures> {
  const buckets = providerBuckets(provider);
  const figures: RealFigures = { admitted: runs.map(() => 0), sent: 0, refused: 0, tableRequests: 0 };
  client.middlewareStack.add(
    (next) => (args) => {
      figures.tableRequests++;
      return next(args);
    },
    { step: 'initialize', name: 'counting', override: true },
  );
  const endMs = Date.now() + seconds * 1000;
  const key = `rate#endpoint#${runs.length}`;

  async function work(run: number, limiter: RateLimiter): Promise<void> {
    const call = { tokens: TOKENS, requestsPerMinute: null, tokensPerMinute: null };
    /** Waits no longer than the window lasts. */
    const wait = (waitSeconds: number) => sleep(Math.max(0, Math.min(waitSeconds * 1000, endMs - Date.now())));
    for (let hasWaited = false; Date.now() < endMs; ) {
      const decision = await limiter.reserve(key, { ...call, hasWaited });
      await wait(decision.waitSeconds);
      hasWaited = !decision.reserved;
      if (!decision.reserved || Date.now() >= endMs) continue;
      const waitSeconds = buckets.take(TOKENS, Date.now());
      figures.sent++;
      if (waitSeconds > 0) figures.refused++;
      else {
        figures.admitted[run] = (figures.admitted[run] ?? 0) + 1;
        await sleep(CALL_MS);
      }
      await limiter.settle(decision.reservation, {
        limits: providerLimits(new Headers(buckets.headers(Date.now()))),
        countedTokens: waitSeconds > 0 ? null : TOKENS,
        ...(waitSeconds > 0 && { refusal: { retryAfterSeconds: Math.max(1, Math.ceil(waitSeconds)), isSlowDown: false } }),
      });
    }
  }

  await Promise.all(
    runs.flatMap((workers, run) => {
      const limiter = dynamoDbRateLimiter(client, tableName);
      return Array.from({ length: workers }, () => work(run, limiter));
    }),
  );
  return figures;
}
