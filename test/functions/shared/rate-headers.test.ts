import { expect, test } from '@jest/globals';
import { durationSeconds, providerLimits } from '../../../functions/shared/rate-headers.ts';
import { duration } from '../../../local/model-server/rate-limits.ts';

test.each([0, 12, 999, 1_500, 60_000, 360_000, 86_400_000])('a duration of %i ms is read as the model server writes it', (ms) => {
  expect(durationSeconds(duration(ms))).toBeCloseTo(ms / 1000, 9);
});

test.each([
  ['6m0s', 360],
  ['1h2m3.5s', 3_723.5],
  ['4m12.172s', 252.172],
  ['1d', 86_400],
])('%s is %d seconds', (text, seconds) => {
  expect(durationSeconds(text)).toBeCloseTo(seconds, 9);
});

test.each(['', 'soon', '12', '5 s', '-1s', '1s!'])('%j is no duration', (text) => {
  expect(durationSeconds(text)).toBeUndefined();
});

const headers = (unit: string, [limit, remaining, reset]: string[]) => ({
  [`x-ratelimit-limit-${unit}`]: limit!,
  [`x-ratelimit-remaining-${unit}`]: remaining!,
  ...(reset && { [`x-ratelimit-reset-${unit}`]: reset }),
});

test('limits are read from the headers, with the reset where there is one', () => {
  const both = new Headers({ ...headers('requests', ['600', '599', '100ms']), ...headers('tokens', ['150000', '149984']) });
  expect(providerLimits(both)).toEqual({
    requests: { limit: 600, remaining: 599, resetSeconds: 0.1 },
    tokens: { limit: 150_000, remaining: 149_984, resetSeconds: null },
  });
  expect(providerLimits(new Headers(headers('requests', ['60', '61', '0'])))).toEqual({
    requests: { limit: 60, remaining: 60, resetSeconds: 0 },
  });
});

test('headers that say nothing usable are no limits', () => {
  expect(providerLimits(new Headers())).toBeNull();
  expect(providerLimits(new Headers(headers('requests', ['0', '0', '1s'])))).toBeNull();
  expect(providerLimits(new Headers({ 'x-ratelimit-limit-requests': '60' }))).toBeNull();
  expect(providerLimits(new Headers(headers('tokens', ['unlimited', 'unlimited'])))).toBeNull();
});
