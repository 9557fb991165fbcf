import { expect, test } from '@jest/globals';
import { jainIndex, smallestOfLargest } from '../../bench/limits/fairness.ts';
import { slidingWindow } from '../../bench/limits/sliding-window.ts';
import { providerLimits } from '../../functions/shared/rate-headers.ts';

test("Jain's index is 1 for equal shares and falls to 1/n as one takes everything", () => {
  expect(jainIndex([7, 7, 7, 7])).toBeCloseTo(1);
  expect(jainIndex([1, 0, 0, 0])).toBeCloseTo(0.25);
  expect(jainIndex([1, 2, 3])).toBeCloseTo(36 / 42);
  expect(jainIndex([0, 0])).toBe(1);
});

test('the smallest share is told as a part of the largest', () => {
  expect(smallestOfLargest([5, 10, 8])).toBe(0.5);
  expect(smallestOfLargest([0, 0])).toBe(1);
});

test('a sliding window admits so much in any sixty seconds and says when there is room again', () => {
  const window = slidingWindow({ requestsPerMinute: 2, tokensPerMinute: 100 });
  expect(window.take(10, 0)).toBe(0);
  expect(window.take(10, 30_000)).toBe(0);
  expect(window.take(10, 31_000)).toBe(29);
  expect(window.take(10, 60_000)).toBe(0);
  expect(window.take(10, 61_000)).toBe(29);
  // Of the tokens, 20 are taken until 90 s.
  expect(window.take(95, 90_000)).toBe(30);
  expect(providerLimits(new Headers(window.headers(90_000)))).toEqual({
    requests: { limit: 2, remaining: 1, resetSeconds: 30 },
    tokens: { limit: 100, remaining: 90, resetSeconds: 30 },
  });
});
