import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { rowsPerCall, themesTokensOf } from '../../../functions/shared/answer-budget.ts';
import { answerTimeMs, BYTES_PER_TOKEN, MAX_THEME_CHARACTERS } from '../../../functions/shared/limits.ts';
import { modelFacts } from '../../../functions/shared/model-catalog.ts';
import { manifestKey } from '../../../functions/shared/object-keys.ts';
import { defaultSettings, type Settings } from '../../../functions/shared/settings.ts';
import { insightsRequest } from '../../../functions/summarize-batch/insights.ts';
import { nameable, namesRequest } from '../../../functions/summarize-batch/names-prompt.ts';
import { inputTokensEstimate, mergeRequest, numberedRowsRequest } from '../../../functions/summarize-batch/prompt.ts';
import { longestAnswerTokens, runEstimate } from '../../../functions/summarize-batch/run-estimate.ts';
import { withThemes } from '../../../functions/summarize-batch/theme-prompt.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { manyTexts, planSample, sampleRun } from '../../fakes/sample-run.ts';

const rowSettings = (changes: Partial<Settings> = {}): Settings => ({ ...defaultSettings, granularity: 'row', ...changes });

describe('rows of a call', () => {
  test.each<[Partial<Settings>, number]>([
    [{}, 100],
    [{ batchRows: 1000 }, 271],
    [{ maxRowSummaryTokens: 1000 }, 15],
    [{ model: 'llama-3.1-8b' }, 66],
    [{ model: 'llama-3.1-8b', maxRowSummaryTokens: 1000 }, 3],
    // 20 summaries of 40 tokens, with what stands around each, are what a merge of 1,120 tokens takes.
    [{ maxBatchTokens: 1_120 }, 20],
    [{ maxBatchTokens: 1_120, rollUp: false }, 100],
    [{ granularity: 'batch', model: 'llama-3.1-8b', maxBatchTokens: 1_120 }, 100],
    // With themes beside the summaries.
    [{ granularity: 'batch', insights: true }, 100],
    [{ granularity: 'batch', insights: true, model: 'llama-3.1-8b' }, 100],
    [{ granularity: 'batch', insights: true, model: 'llama-3.1-8b', maxOutputTokens: 1_000 }, 75],
    [{ granularity: 'batch', insights: true, model: 'llama-3.1-8b', maxOutputTokens: 4_000 }, 40],
    [{ insights: true }, 100],
    [{ insights: true, model: 'llama-3.1-8b' }, 32],
  ])('%j: %d', (changes, rows) => {
    expect(rowsPerCall(rowSettings(changes))).toBe(rows);
  });

  test('their answer fits what the model can say, and into the time of a function', () => {
    const setting = fc.record({
      batchRows: fc.integer({ min: 1, max: 1000 }),
      maxRowSummaryTokens: fc.integer({ min: 5, max: 1000 }),
      model: fc.constantFrom('gpt-6-luna', 'gpt-4o-mini', 'llama-3.1-8b'),
      maxBatchTokens: fc.integer({ min: 1_000, max: 1_000_000 }),
    });
    fc.assert(
      fc.property(setting, (changes) => {
        const settings = rowSettings(changes);
        const rows = rowsPerCall(settings);
        const { maxOutputTokens } = numberedRowsRequest(
          Array.from({ length: rows }, () => 'x'),
          settings,
        );
        expect(maxOutputTokens).toBeLessThanOrEqual(modelFacts(settings.model).answerTokens);
        expect(maxOutputTokens).toBeGreaterThanOrEqual(rows * settings.maxRowSummaryTokens);
        expect(maxOutputTokens).toBeLessThanOrEqual(longestAnswerTokens(settings));
        expect(60_000 + answerTimeMs(maxOutputTokens)).toBeLessThan(400_000);
      }),
    );
  });

  test('cut the batches of a plan', async () => {
    const work = new MemoryStore('work');
    const run = sampleRun({ settings: { granularity: 'row', model: 'llama-3.1-8b' } });
    await planSample(work, run, manyTexts(150));
    expect(work.jsonLines<{ rows: number }>(manifestKey(run.runId, 0)).map(({ rows }) => rows)).toEqual([66, 66, 18]);
  });
});

describe('the estimate', () => {
  const counts = { batches: 250, rowsStaged: 25_000, inputTokens: 1_000_000, folds: [3, 1] };

  test('counts a call for each batch and each paragraph, and the folds', () => {
    expect(runEstimate(counts, defaultSettings)).toMatchObject({ calls: 254, paragraphs: 0, folds: 4, outputTokens: 254 * 250 });
    expect(runEstimate(counts, rowSettings())).toMatchObject({ calls: 504, paragraphs: 250, folds: 4 });
    expect(runEstimate({ ...counts, folds: [] }, rowSettings({ rollUp: false }))).toMatchObject({ calls: 250, paragraphs: 0, folds: 0 });
    expect(runEstimate({ ...counts, batches: 25_000 }, rowSettings({ batchRows: 1 })).paragraphs).toBe(0);
  });

  test('with insights, counts a call for names for each fold, and has room for the themes', () => {
    const insights = runEstimate(counts, { ...defaultSettings, insights: true });
    const plain = runEstimate(counts, defaultSettings);
    expect(insights).toMatchObject({ calls: 258, folds: 4, names: 4, paragraphs: 0 });
    // 100 rows have two citations of each row, and twelve themes.
    const [ofBatches, ofNames] = [250 * (100 * 25 + 12 * 100), insights.outputTokens - plain.outputTokens - 250 * (100 * 25 + 12 * 100)];
    expect(ofBatches).toBe(925_000);
    // 100, 100 and 50 summaries of up to 20 themes, and three in the root; a thousand names at once.
    expect(ofNames).toBeGreaterThanOrEqual(3 * (1_000 * 4 + 60 * 30) + 60 * (4 + 30) - 1);
    expect(runEstimate(counts, { ...rowSettings(), insights: true })).toMatchObject({ calls: 508, names: 4, paragraphs: 250 });
  });

  test('is never below what the requests for themes and for their names hold', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ' ', 'ü', '語', '🦊'), minLength: 1, maxLength: 120 });
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 2, maxLength: 40 }),
        fc.constantFrom('batch' as const, 'row' as const),
        (texts, granularity) => {
          const settings: Settings = { ...defaultSettings, granularity, insights: true, batchRows: 40 };
          const tokens = texts.reduce((sum, one) => sum + Math.ceil(Buffer.byteLength(one) / BYTES_PER_TOKEN), 0);
          const alone = runEstimate({ batches: 1, rowsStaged: texts.length, inputTokens: tokens, folds: [] }, settings);
          const request =
            granularity === 'batch'
              ? insightsRequest(texts, settings)
              : withThemes(numberedRowsRequest(texts, settings), themesTokensOf(texts.length, settings));
          expect(alone.inputTokens).toBeGreaterThanOrEqual(inputTokensEstimate(request));
          expect(alone.outputTokens).toBeGreaterThanOrEqual(request.maxOutputTokens);
          expect(longestAnswerTokens(settings)).toBeGreaterThanOrEqual(request.maxOutputTokens);

          // Two batches that have so many themes, as a fold finds them.
          const themes = texts.map((one, index) => ({
            name: `${index} ${one}`.slice(0, MAX_THEME_CHARACTERS),
            statement: one,
            mentions: 100,
          }));
          const asked = nameable(themes, settings);
          const names = namesRequest(asked, settings);
          const folded = { batches: 2, rowsStaged: 0, inputTokens: 0, folds: [1] };
          const [withNames, without] = [runEstimate(folded, settings), runEstimate(folded, { ...settings, insights: false })];
          expect(asked).toHaveLength(texts.length);
          expect(withNames.inputTokens - without.inputTokens).toBeGreaterThanOrEqual(inputTokensEstimate(names));
          expect(withNames.outputTokens - without.outputTokens).toBeGreaterThanOrEqual(names.maxOutputTokens);
          expect(longestAnswerTokens(settings)).toBeGreaterThanOrEqual(names.maxOutputTokens);
        },
      ),
    );
  });

  test('is never below what the requests of a batch and of its paragraph hold', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ' ', 'ü', '語', '🦊'), minLength: 1 });
    fc.assert(
      fc.property(fc.array(text, { minLength: 2, maxLength: 50 }), (texts) => {
        const settings = rowSettings({ batchRows: 50 });
        const tokens = texts.reduce((sum, one) => sum + Math.ceil(Buffer.byteLength(one) / BYTES_PER_TOKEN), 0);
        const estimate = runEstimate({ batches: 1, rowsStaged: texts.length, inputTokens: tokens, folds: [] }, settings);
        const rows = numberedRowsRequest(texts, settings);
        const longest = 'x'.repeat(settings.maxRowSummaryTokens * BYTES_PER_TOKEN);
        const paragraph = mergeRequest(
          texts.map(() => ({ rows: 1, summary: longest })),
          settings,
        );
        expect(estimate.inputTokens).toBeGreaterThanOrEqual(inputTokensEstimate(rows) + inputTokensEstimate(paragraph));
        expect(estimate.outputTokens).toBe(rows.maxOutputTokens + paragraph.maxOutputTokens);
      }),
    );
  });
});
