import { afterEach, expect, test } from '@jest/globals';
import { openAiSummarizer } from '../../../functions/shared/adapters/openai-summarizer.ts';
import type { SummaryRequest } from '../../../functions/shared/ports.ts';
import { allOf, doubleRows, dropRows, emptyRows, inventRows } from '../../../local/model-server/answer-damage.ts';
import { type ModelServer, type ModelServerOptions, startModelServer } from '../../../local/model-server/model-server.ts';

let server: ModelServer;
afterEach(() => server.close());

const texts = ['The lid broke. I am sad.', 'Great soup for the whole family.', 'Too small.'];
const request: SummaryRequest = {
  model: 'm',
  messages: [
    { role: 'system', content: 'Answer with {"rows":[{"row":1,"summary":"..."}]}.' },
    { role: 'user', content: JSON.stringify(texts.map((text, index) => ({ row: index + 1, text }))) },
  ],
  temperature: 0,
  maxOutputTokens: 300,
  serviceTier: null,
  format: { name: 'row_summaries', schema: {} },
};

const answerOf = async (options: ModelServerOptions) => {
  server = await startModelServer(options);
  const { text } = await openAiSummarizer({ apiKey: 'none', baseUrl: server.baseUrl }).summarize(request, {});
  return text;
};
const rowsOf = async (options: ModelServerOptions) =>
  (JSON.parse(await answerOf(options)) as { rows: { row: number; summary: string }[] }).rows;

test('a request for row summaries is answered with an extract of each row', async () => {
  const rows = await rowsOf({});
  expect(rows.map(({ row }) => row)).toEqual([1, 2, 3]);
  expect(rows[1]?.summary).toBe('Offline extract, no language model: Great soup for the whole family.');
});

test('a server without schemas says so, and then gives the JSON that the words ask for', async () => {
  const rows = await rowsOf({ schemas: 'refused' });
  expect(rows).toHaveLength(3);
  expect(server.stats()).toMatchObject({ requests: 2, answers: 1, outcomes: { 'schema-refused': 1, answered: 1 } });
});

test('a server that ignores schemas wraps the JSON in words', async () => {
  const text = await answerOf({ schemas: 'ignored' });
  expect(text).toMatch(/^Sure!.*\n\n```json\n\{"rows":\[/);
  expect(text).toMatch(/```\n\nLet me know/);
});

test('rows can be dropped, doubled, invented and emptied, at the price of an answer', async () => {
  const damage = allOf(dropRows(1), doubleRows(2), inventRows(7), emptyRows(3));
  const rows = await rowsOf({ faults: () => ({ kind: 'damaged', damage }) });
  expect(rows.map(({ row, summary }) => [row, summary.slice(0, 8)])).toEqual([
    [2, 'Offline '],
    [3, ' '],
    [2, 'Again: O'],
    [7, 'Invented'],
  ]);
  expect(server.stats()).toMatchObject({ answers: 1, outcomes: { damaged: 1 } });
});
