import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { dynamoDbRateLimiter } from '../../functions/shared/adapters/dynamodb-rate-limiter.ts';
import { providerLimits } from '../../functions/shared/rate-headers.ts';
import { HEADROOM_MS } from '../../functions/shared/rate-limit.ts';
import { rateLimiter as providerBuckets } from '../../local/model-server/rate-limits.ts';
import { openControlTable } from './control-table.ts';

const WORKERS = 8;
const SECONDS = 20;
const PER_MINUTE = 600;
const LEFT = 60;

test('eight processes in real time use what an endpoint allows, and are hardly refused', async () => {
  const { client, tableName, close } = await openControlTable();
  let commands = 0;
  client.middlewareStack.add(
    (next) => (args) => {
      commands += 1;
      return next(args);
    },
    {},
  );
  const provider = providerBuckets({ requestsPerMinute: PER_MINUTE, tokensPerMinute: 100_000_000 });
  for (let spent = LEFT; spent < PER_MINUTE; spent++) provider.take(1, Date.now());

  const endMs = Date.now() + SECONDS * 1000;
  const call = { tokens: 1_000, requestsPerMinute: null, tokensPerMinute: null };
  let admitted = 0;
  let refused = 0;
  async function work() {
    const limiter = dynamoDbRateLimiter(client, tableName);
    let hasWaited = false;
    while (Date.now() < endMs) {
      const decision = await limiter.reserve('rate#real#time', { ...call, hasWaited });
      hasWaited = !decision.reserved;
      await sleep(Math.min(decision.waitSeconds * 1000, Math.max(0, endMs - Date.now())));
      if (!decision.reserved || Date.now() >= endMs) continue;
      const waitSeconds = provider.take(call.tokens, Date.now());
      if (waitSeconds > 0) refused += 1;
      else admitted += 1;
      await sleep(50 + 100 * Math.random());
      await limiter.settle(decision.reservation, {
        limits: providerLimits(new Headers(provider.headers(Date.now()))),
        countedTokens: 1_000,
        ...(waitSeconds > 0 && { refusal: { retryAfterSeconds: 1, isSlowDown: false } }),
      });
    }
    await limiter.flush();
  }
  await Promise.all(Array.from({ length: WORKERS }, work));
  await close();

  // The headroom is held back once; in ten minutes it would be half a percent.
  const allowance = LEFT + (PER_MINUTE * SECONDS) / 60 - (PER_MINUTE * HEADROOM_MS) / 60_000;
  expect(admitted / allowance).toBeGreaterThanOrEqual(0.95);
  expect(refused / (admitted + refused)).toBeLessThanOrEqual(0.03);
  expect(commands / admitted).toBeLessThan(2.2);
});
