import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { ChatRequest } from '../../local/model-server/completion.ts';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { schemaNameOf } from '../../local/model-server/structured-answers.ts';
import { query } from '../../local/query.ts';
import { callProgram } from '../local/in-process.ts';
import { cleanUp, type Ended, endpointEnv, newFolder, recordOf } from '../local/program.ts';

// Each run is a process of its own, some seconds on a busy machine.
jest.setTimeout(60_000);

const ROWS = 600;
const BATCH_ROWS = 5;

/** What row n speaks of, and how. */
const topicsOf = (n: number): [topic: string, mood: 'good' | 'bad'][] => [
  ...(n % 2 === 0 ? [['zip', n % 4 === 0 ? 'good' : 'bad'] as ['zip', 'good' | 'bad']] : []),
  ...(n % 3 === 0 ? [['zipper', 'bad'] as ['zipper', 'bad']] : []),
  ...(n % 5 === 0 ? [['price', n % 10 === 0 ? 'good' : 'bad'] as ['price', 'good' | 'bad']] : []),
];
const sentence = (topic: string, mood: string) => `The ${topic} is ${mood}.`;
const textOf = (n: number) => [`Row ${n}.`, ...topicsOf(n).map(([topic, mood]) => sentence(topic, mood))].join(' ');
const productOf = (n: number) => ['red', 'green', '', 'red', 'red', '', 'red'][n % 7] as string;

/** What the model said, and how much of it was made up. */
const said = { claims: 0, falseClaims: 0, citations: 0, falseCitations: 0 };

/** True claims on the rows of a batch, with lies among their citations and beside them. */
function insights(rows: readonly string[]) {
  const truths = ['zip', 'zipper', 'price'].flatMap((topic) =>
    (['good', 'bad'] as const).flatMap((mood) => {
      const words = sentence(topic, mood);
      const evidence = rows.flatMap((text, index) => (text.includes(words) ? [{ row: index + 1, quote: words }] : []));
      const without = rows.flatMap((text, index) => (text.includes(words) ? [] : [{ row: index + 1, quote: words }]));
      if (evidence.length === 0) return [];
      // A foreign row, a row by its number in the upload, the first row again, and false quotes of rows that say nothing of it.
      const lies = [{ row: 0, quote: '' }, { row: rows.length + 1, quote: words }, { row: 599, quote: words }, evidence[0]!, ...without];
      said.citations += evidence.length + lies.length;
      said.falseCitations += lies.length;
      return [{ theme: topic, sentiment: mood === 'good' ? 'positive' : 'negative', statement: words, evidence: [...evidence, ...lies] }];
    }),
  );
  const lies = [
    { theme: 'Invented', sentiment: 'negative', statement: 'Nobody said so.', evidence: [{ row: 1, quote: 'Nobody said so.' }] },
    { theme: 'Foreign', sentiment: 'positive', statement: 'Of other rows.', evidence: [{ row: 77, quote: '' }] },
    { theme: 'Address', sentiment: 'positive', statement: 'Write to us@evil.example.', evidence: [{ row: 1, quote: 'Row' }] },
    { theme: 'Unsupported', sentiment: 'positive', statement: 'Nothing supports it.', evidence: [] },
  ];
  said.claims += truths.length + lies.length;
  said.falseClaims += lies.length;
  said.citations += 3;
  said.falseCitations += 3;
  return { summary: `Of ${rows.length} rows.`, themes: [...lies.slice(0, 2), ...truths, ...lies.slice(2)] };
}

/** At first zips and zippers are one; a list that has no zippers any more is the root's. Numbers are left out, doubled and made up. */
function names(request: ChatRequest) {
  const themes = JSON.parse(String(request.messages.at(-1)?.content)) as { theme: number; name: string }[];
  const places = (...wanted: string[]) => themes.filter(({ name }) => wanted.includes(name)).map(({ theme }) => theme);
  const isRoot = places('zipper').length === 0;
  const [zips, price] = [places('zip', 'zipper'), places('price')];
  return isRoot
    ? [{ name: 'Value', members: [...price, ...price, 99, 0] }]
    : [
        { name: 'Zips', members: zips },
        { name: 'Other', members: zips },
      ];
}

const answer = (rows: string[], request: ChatRequest) => {
  const name = schemaNameOf(request);
  if (name === 'theme_names') return JSON.stringify({ themes: names(request) });
  return name === 'summary_and_themes' ? JSON.stringify(insights(rows)) : 'A merge.';
};

let server: ModelServer;
let out: string;
let ended: Ended;
let grouped: Ended;
let dropped: { claims: number; citations: number };
const ask = async (run: Ended, sql: string) => (await query(out, sql.replaceAll('RUN', `'${recordOf(run).run_id}'`))).rows;
beforeAll(async () => {
  server = await startModelServer({ answer });
  const folder = newFolder();
  out = join(folder, 'out');
  const file = join(folder, 'rows.csv');
  writeFileSync(file, `id,review,product\n${Array.from({ length: ROWS }, (_, n) => `r${n},${textOf(n)},${productOf(n)}\n`).join('')}`);
  const args = ['run', file, '--insights', '--batch-size', String(BATCH_ROWS), '--json', '--out', out];
  ended = await callProgram(args, { env: endpointEnv(server) });
  dropped = { claims: said.falseClaims / said.claims, citations: said.falseCitations / said.citations };
  grouped = await callProgram([...args, '--group-column', 'product'], { env: endpointEnv(server) });
});
afterAll(async () => {
  await server.close();
  cleanUp();
});

/** The rows of some topics among some rows, counted from their texts alone. */
function counted(theme: string, topics: readonly string[], rows: readonly number[]) {
  const having = (mood?: string) =>
    rows.filter((n) => topicsOf(n).some(([topic, of]) => topics.includes(topic) && (mood === undefined || of === mood)));
  return {
    theme,
    row_count: having().length,
    share: having().length / rows.length,
    positive_rows: having('good').length,
    negative_rows: having('bad').length,
    example_ids: having()
      .slice(0, 5)
      .map((n) => `r${n}`),
  };
}
const allRows = Array.from({ length: ROWS }, (_, n) => n);
const themesOf = async (run: Ended, where: string) =>
  (await ask(run, `select * from themes where run_id = RUN and ${where} order by row_count desc`)).map(
    ({ theme, row_count, share, positive_rows, negative_rows, example_ids }) => ({
      ...{ theme, row_count, share, positive_rows, negative_rows, example_ids: JSON.parse(String(example_ids)) },
    }),
  );

test('a row counts once for a theme over two levels of folds, as its text says', async () => {
  expect(recordOf(ended)).toMatchObject({ status: 'complete', batches: 120, levels: 3, rows_summarized: ROWS });
  expect(await themesOf(ended, 'group_key is null')).toEqual([
    counted('Zips', ['zip', 'zipper'], allRows),
    counted('Value', ['price'], allRows),
  ]);
});

test('no foreign row, no false quote and nothing made up reaches a table', async () => {
  for (const run of [ended, grouped]) {
    const mentions = await ask(
      run,
      `select m.theme, m.sentiment, m.statement, m.quote, r.text, r.batch_id = m.batch_id as is_of_batch, r.group_key is not distinct from m.group_key as is_of_group
         from theme_mentions m join row_summaries r on r.run_id = m.run_id and r.row_number = m.row_number where m.run_id = RUN`,
    );
    expect(mentions.filter(({ quote, statement, text }) => quote !== statement || !String(text).includes(String(quote)))).toEqual([]);
    expect(mentions.filter(({ is_of_batch, is_of_group }) => !is_of_batch || !is_of_group)).toEqual([]);
    // Every truth is there, once.
    const truths = allRows.flatMap((n) => topicsOf(n).map(([topic, mood]) => `${topic} ${mood === 'good' ? 'positive' : 'negative'}`));
    expect(mentions.map(({ theme, sentiment }) => `${theme} ${sentiment}`).toSorted()).toEqual(truths.toSorted());
  }
});

test('the shares of claims and citations that were dropped are figures of the run', () => {
  expect(recordOf(ended).claims).toBeGreaterThan(500);
  expect(recordOf(ended).claims_dropped_share).toBeCloseTo(dropped.claims, 12);
  expect(recordOf(ended).citations_dropped_share).toBeCloseTo(dropped.citations, 12);
});

test('each mention names the theme of the run that it is counted in', async () => {
  expect(await ask(ended, 'select distinct theme, group_theme, run_theme from theme_mentions where run_id = RUN order by theme')).toEqual([
    { theme: 'price', group_theme: null, run_theme: 'Value' },
    { theme: 'zip', group_theme: null, run_theme: 'Zips' },
    { theme: 'zipper', group_theme: null, run_theme: 'Zips' },
  ]);
});

describe('of a grouped run', () => {
  test.each(['red', 'green', ''])('the group "%s" has the themes of its own rows', async (product) => {
    const rows = allRows.filter((n) => productOf(n) === product);
    expect(await themesOf(grouped, `group_key = '${product}'`)).toEqual([
      counted('Zips', ['zip', 'zipper'], rows),
      counted('price', ['price'], rows),
    ]);
  });

  test('the whole run has those of all rows, which the root has named anew', async () => {
    const numbers = ({ theme, row_count, share, positive_rows, negative_rows }: Awaited<ReturnType<typeof themesOf>>[number]) => ({
      ...{ theme, row_count, share, positive_rows, negative_rows },
    });
    const expected = [counted('Zips', ['zip', 'zipper'], allRows), counted('Value', ['price'], allRows)];
    expect((await themesOf(grouped, 'group_key is null')).map(numbers)).toEqual(expected.map(numbers));
    expect(
      await ask(grouped, 'select distinct theme, group_theme, run_theme from theme_mentions where run_id = RUN order by theme'),
    ).toEqual([
      { theme: 'price', group_theme: 'price', run_theme: 'Value' },
      { theme: 'zip', group_theme: 'Zips', run_theme: 'Zips' },
      { theme: 'zipper', group_theme: 'Zips', run_theme: 'Zips' },
    ]);
  });
});
