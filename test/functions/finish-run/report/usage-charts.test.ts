import { expect, test } from '@jest/globals';
import { usageCharts } from '../../../../functions/finish-run/report/usage-charts.ts';
import { batchRow, contentOf, twoBatches } from './table-rows.ts';

const titles = (markup: string) => [...markup.matchAll(/<figcaption[^>]*><strong>(\w+)<\/strong>/g)].map(([, title]) => title);
const heights = (markup: string, series = 0) =>
  [...markup.matchAll(new RegExp(`class="bar series-${series}"[^>]*height="([\\d.]+)"`, 'g'))].map(([, height]) => Number(height));

test('bars are as high as what they stand for, with a sentence and a table of the same figures', () => {
  const rows = [100, 300, 200].map((input_tokens, batch_id) =>
    batchRow({ batch_id, input_tokens, output_tokens: 0, cost_usd: 0, latency_ms: null }),
  );
  const { markup } = usageCharts(contentOf({ batch_summaries: rows }));
  expect(titles(markup)).toEqual(['Tokens']);
  const [one = 0, three, two] = heights(markup);
  expect(three).toBeCloseTo(3 * one, 0);
  expect(two).toBeCloseTo(2 * one, 0);
  expect(markup).toContain('600 in and 0 out for the batches of rows.');
  expect(markup).toMatch(/role="img" aria-label="Tokens\. 600 in/);
  expect(markup).toContain('<tr><th scope="row">1</th><td class="number">300</td><td class="number">0</td></tr>');
});

test('cost, tokens and latency are drawn where they are known; folds are told apart', () => {
  const { markup } = usageCharts(contentOf(twoBatches));
  expect(titles(markup)).toEqual(['Cost', 'Tokens', 'Latency']);
  expect(markup).toContain('$0.004000 for the batches of rows, and $0.002000 for the folds above them; $0.002000 a batch.');
  expect(markup).toContain('Half of the answers took 1.5 s or less, 95 of 100 1.5 s or less.');
  const unknown = (twoBatches.batch_summaries ?? []).map((row) => ({ ...row, cost_usd: null }));
  expect(titles(usageCharts(contentOf({ batch_summaries: unknown })).markup)).toEqual(['Tokens', 'Latency']);
});

test('many batches are drawn as slices of equally many, named by their batches', () => {
  const batch_summaries = Array.from({ length: 1_000 }, (_, batch_id) => batchRow({ batch_id }));
  const { markup } = usageCharts(contentOf({ batch_summaries }));
  expect(heights(markup)).toHaveLength(40 + 40 + 1);
  expect(markup).toContain('<th scope="row">25–49</th>');
  expect(new Set(heights(markup).slice(0, 40)).size).toBe(1);
  // Slices are as wide as each other, so that bars can be compared: 60 batches are 30 pairs, not 20 pairs and 20 single ones.
  expect(heights(usageCharts(contentOf({ batch_summaries: batch_summaries.slice(0, 60) })).markup)).toHaveLength(30 + 30 + 1);
});

test('a run that paid for nothing says so', () => {
  const batch_summaries = [batchRow({ from_cache: true, cost_usd: 0, input_tokens: 0, output_tokens: 0, latency_ms: null })];
  expect(usageCharts(contentOf({ batch_summaries })).markup).toContain('No call was paid for');
});
