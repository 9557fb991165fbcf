import { expect, test } from '@jest/globals';
import { duration, rateLimiter } from '../../../local/model-server/rate-limits.ts';

test('requests over the limit are told how long to wait, and cost nothing', () => {
  const limiter = rateLimiter({ requestsPerMinute: 2, tokensPerMinute: 1_000 });
  expect([limiter.take(10, 0), limiter.take(10, 0)]).toEqual([0, 0]);
  expect(limiter.take(10, 0)).toBe(30);
  expect(limiter.take(10, 20_000)).toBeCloseTo(10);
  expect(limiter.take(10, 30_000)).toBe(0);
});

test('tokens run out before requests do', () => {
  const limiter = rateLimiter({ requestsPerMinute: 1_000, tokensPerMinute: 600 });
  expect(limiter.take(600, 0)).toBe(0);
  expect(limiter.take(10, 0)).toBeCloseTo(1);
});

test('the headers say what is left and when it is full again', () => {
  const limiter = rateLimiter({ requestsPerMinute: 60, tokensPerMinute: 6_000 });
  limiter.take(1_500, 0);
  expect(limiter.headers(0)).toEqual({
    'x-ratelimit-limit-requests': '60',
    'x-ratelimit-remaining-requests': '59',
    'x-ratelimit-reset-requests': '1s',
    'x-ratelimit-limit-tokens': '6000',
    'x-ratelimit-remaining-tokens': '4500',
    'x-ratelimit-reset-tokens': '15s',
  });
});

test.each([
  [12, '12ms'],
  [1_500, '1.5s'],
  [360_000, '6m0s'],
  [61_500, '1m1.5s'],
])('%d ms is written %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});
