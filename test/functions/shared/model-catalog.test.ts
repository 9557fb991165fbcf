import { describe, expect, test } from '@jest/globals';
import { costUsd, modelFacts, shutdownWarning } from '../../../functions/shared/model-catalog.ts';

const OPENAI = 'https://api.openai.com/v1';
const million = { inputTokens: 1_000_000, outputTokens: 1_000_000 };

describe('modelFacts', () => {
  test('a dated snapshot has the facts of its family', () => {
    expect(modelFacts('gpt-4o-mini-2024-07-18')).toEqual(modelFacts('gpt-4o-mini'));
    expect(modelFacts('gpt-6-luna-2026-10-01')).toEqual(modelFacts('gpt-6-luna'));
  });

  test.each([
    ['gpt-6-luna', true, true],
    ['gpt-5.4-mini', true, false],
    ['gpt-4o-mini', false, false],
    ['gpt-4.1-mini', false, false],
    ['gpt-5', true, false],
    ['gpt-12-mini', true, false],
    ['o3-mini', true, false],
    ['gpt-4o', false, false],
    ['gpt-3.5-turbo', false, false],
    ['llama-3.1-8b', false, false],
    ['olmo-2', false, false],
  ])('%s: reasoning %s, cache options %s', (model, isReasoningModel, hasCacheOptions) => {
    expect(modelFacts(model)).toMatchObject({ isReasoningModel, hasCacheOptions });
  });

  test.each([
    ['gpt-5', false],
    ['gpt-5-mini', false],
    ['gpt-5.1', true],
    ['gpt-6-luna', true],
    ['o3', false],
    ['gpt-4o-mini', false],
  ])('%s can skip its reasoning: %s', (model, canSkipReasoning) => {
    expect(modelFacts(model).canSkipReasoning).toBe(canSkipReasoning);
  });

  test('a name that every object has is an unknown model', () => {
    expect(modelFacts('constructor')).toMatchObject({ price: null, isReasoningModel: false });
  });

  test('an unknown model has no price, no window and no end', () => {
    expect(modelFacts('gpt-7-sol')).toEqual({
      price: null,
      tierFactor: {},
      contextTokens: null,
      answerTokens: 16_384,
      isReasoningModel: true,
      canSkipReasoning: true,
      hasCacheOptions: false,
      shutdownDate: null,
    });
  });
});

test('of an unknown model that does not reason, only the shortest longest answer is taken for granted', () => {
  expect(modelFacts('llama-3.1-8b').answerTokens).toBe(4_096);
  expect(modelFacts('gpt-4o-mini-2024-07-18').answerTokens).toBe(16_384);
});

describe('costUsd', () => {
  test.each([
    ['gpt-6-luna', null, 0.6],
    ['gpt-6-luna', 'default', 0.6],
    ['gpt-6-luna', 'flex', 0.3],
    ['gpt-5.4-mini', null, 5.25],
    ['gpt-5.4-mini', 'flex', 2.625],
    ['gpt-4o-mini', null, 0.75],
    ['gpt-4o-mini-2024-07-18', null, 0.75],
    ['gpt-4.1-mini', null, 2],
  ])('%s, tier %s: a million tokens each way cost $%d', (model, tier, expected) => {
    expect(costUsd(OPENAI, model, tier, million)).toBeCloseTo(expected, 12);
  });

  test('input and output have prices of their own', () => {
    expect(costUsd(OPENAI, 'gpt-6-luna', null, { inputTokens: 12_000, outputTokens: 250 })).toBeCloseTo(0.0012 + 0.000125, 12);
    expect(costUsd(OPENAI, 'gpt-6-luna', null, { inputTokens: 0, outputTokens: 0 })).toBe(0);
  });

  test('an unknown model costs nobody knows what', () => {
    expect(costUsd(OPENAI, 'llama-3.1-8b', null, million)).toBeNull();
  });

  test('the offline server is free under whatever name it is asked', () => {
    expect(costUsd('offline', 'gpt-6-luna', 'flex', million)).toBe(0);
    expect(costUsd('offline', 'llama-3.1-8b', null, million)).toBe(0);
  });
});

describe('shutdownWarning', () => {
  const DAY_MS = 86_400_000;
  const shutdown = Date.UTC(2027, 0, 14);

  test.each([
    ['61 days ahead', shutdown - 61 * DAY_MS, undefined],
    ['60 days ahead', shutdown - 60 * DAY_MS, 'gpt-4o-mini is shut down on 2027-01-14, in 60 days; gpt-6-luna replaces it.'],
    ['a moment ahead', shutdown - 1, 'gpt-4o-mini is shut down on 2027-01-14, in 1 day; gpt-6-luna replaces it.'],
    ['on the day', shutdown, 'gpt-4o-mini was shut down on 2027-01-14; use gpt-6-luna.'],
    ['a year later', shutdown + 365 * DAY_MS, 'gpt-4o-mini was shut down on 2027-01-14; use gpt-6-luna.'],
  ])('%s', (_name, now, expected) => {
    expect(shutdownWarning('gpt-4o-mini', now)).toBe(expected);
  });

  test('names the model as it was asked for', () => {
    expect(shutdownWarning('gpt-4o-mini-2024-07-18', shutdown)).toContain('gpt-4o-mini-2024-07-18');
  });

  test('models without an end give none', () => {
    expect(shutdownWarning('gpt-6-luna', shutdown)).toBeUndefined();
    expect(shutdownWarning('llama-3.1-8b', shutdown)).toBeUndefined();
  });
});
