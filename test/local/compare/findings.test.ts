import { describe, expect, test } from '@jest/globals';
import { defaultSettings } from '../../../functions/shared/settings.ts';
import { findingsOf, warningsOf } from '../../../local/compare/findings.ts';
import { atShare } from '../../../local/compare/way-figures.ts';
import { wholeCostUsd } from '../../../local/compare/whole-cost.ts';
import { wayOf } from './comparison.ts';

describe('what the figures say', () => {
  test('the least and the most that was paid, and the time where it tells something', () => {
    const ways = [
      wayOf(50, { cost_usd: 0.1, seconds: 10 }),
      wayOf(100, { cost_usd: 0.08, seconds: 9.5 }),
      wayOf(200, { cost_usd: 0.062, seconds: 9.4 }),
    ];
    expect(findingsOf(ways, false)).toEqual(['200 rows a call cost 38 % less than 50 rows a call.']);
    const slow = [...ways, wayOf(25, { cost_usd: 0.2, seconds: 20 })];
    expect(findingsOf(slow, false)[1]).toBe('200 rows a call took 53 % less time than 25 rows a call.');
  });

  test('tokens where nothing was paid or no price is known; nothing of the time of the offline model', () => {
    const ways = [wayOf(50, { cost_usd: null }), wayOf(100, { cost_usd: null })];
    expect(findingsOf(ways, true)).toEqual(['100 rows a call took 4 % fewer tokens than 50 rows a call.']);
  });

  test('only of ways that came to their end', () => {
    expect(findingsOf([wayOf(50), wayOf(100, { status: 'halted', cost_usd: 0.0001 })], false)).toEqual([]);
  });

  test('not of a way that cost less because its rows failed', () => {
    const ways = [wayOf(50), wayOf(100, { status: 'partial', rows_failed: 100, cost_usd: 0.0001, seconds: 0.1 })];
    expect(findingsOf(ways, false)).toEqual([]);
  });

  test('a way whose answers another one has paid for just now is not kept from before', () => {
    const shared = wayOf(100, { calls_now: 0, calls_shared: 3 });
    const words = '100 rows a call: 3 answers are asked for by another way, too, and paid once; here they count as if paid again.';
    expect(warningsOf([wayOf(50), shared], false)).toEqual([words]);
    expect(warningsOf([wayOf(50, { calls_now: 0 }), shared], false)).toEqual([
      'All ways are kept from before: tokens, cost and time are those of then, and nothing was paid now.',
      words,
    ]);
  });

  test('a higher cap is advised where nobody stopped it', () => {
    const ways = [wayOf(50, { status: 'halted', stop_reason: 'budget_exceeded' }), wayOf(100, { status: 'unstarted', calls: 0 })];
    const advice = 'the same command goes on, with a higher --max-cost-usd where the money was used up.';
    expect(warningsOf(ways, false)).toEqual([
      `50 rows a call: halted (budget_exceeded); ${advice}`,
      `100 rows a call: not begun; ${advice}`,
    ]);
  });

  test('and what to be careful about', () => {
    expect(warningsOf([wayOf(50), wayOf(100)], false)).toEqual([]);
    expect(
      warningsOf(
        [
          wayOf(50, { calls_now: 0 }),
          wayOf(100, { rows_failed: 1, answers_cut_off: 1 }),
          wayOf(200, { status: 'halted', stop_reason: 'interrupted' }),
        ],
        false,
      ),
    ).toEqual([
      '50 rows a call is kept from before: tokens, cost and time are those of then, and nothing was paid now.',
      '100 rows a call: 1 row failed and is in no summary.',
      '100 rows a call: 1 answer was cut off at the most tokens that an answer may have; set --max-output-tokens higher.',
      '200 rows a call: halted (interrupted); the same command goes on.',
    ]);
  });
});

test('the value below which a share of the values lies', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  expect([atShare(hundred, 0.5), atShare(hundred, 0.95), atShare([7], 0.5), atShare([7], 0.95), atShare([], 0.5)]).toEqual([
    50,
    95,
    7,
    7,
    null,
  ]);
});

describe('what the whole file would cost', () => {
  const taken = (inputTokens: number, outputTokens: number, factor = 1) => ({
    inputTokens,
    outputTokens,
    costUsd: ((inputTokens * 0.1 + outputTokens * 0.5) * factor) / 1_000_000,
  });
  const sampled = { batches: taken(100_000, 2_000), folds: taken(2_500, 200) };
  const facts = { endpoint: 'https://api.openai.com/v1', settings: defaultSettings, batchCount: 10, batchScale: 100 };

  test('its batches as those of the sample, its folds by their number', () => {
    // 1,000 batches: ten folds of a hundred and the root, which take 1,010 summaries of 250 tokens.
    const folds = (1_010 * 250 * 0.1 + 11 * 200 * 0.5) / 1_000_000;
    expect(wholeCostUsd(sampled, facts)).toBeCloseTo(sampled.batches.costUsd * 100 + folds, 9);
    expect(wholeCostUsd(sampled, { ...facts, batchScale: 1 })).toBeCloseTo(sampled.batches.costUsd + sampled.folds.costUsd, 9);
  });

  test('what failed in the sample is not taken for cheap', () => {
    const folds = (wholeCostUsd(sampled, facts) ?? 0) - sampled.batches.costUsd * 100;
    expect(wholeCostUsd(sampled, { ...facts, costScale: 150 })).toBeCloseTo(sampled.batches.costUsd * 150 + folds, 9);
  });

  test('at the price of the tier that answered', () => {
    const flex = { batches: taken(100_000, 2_000, 0.5), folds: taken(2_500, 200, 0.5) };
    expect(wholeCostUsd(flex, facts)).toBeCloseTo((wholeCostUsd(sampled, facts) ?? 0) / 2, 9);
  });

  test('is unknown where a price is', () => {
    expect(wholeCostUsd({ ...sampled, batches: { ...sampled.batches, costUsd: null } }, facts)).toBeNull();
    expect(wholeCostUsd(sampled, { ...facts, settings: { ...defaultSettings, model: 'llama' } })).toBeNull();
  });
});
