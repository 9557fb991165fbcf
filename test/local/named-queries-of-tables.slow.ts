import { afterAll, expect, test } from '@jest/globals';
import type { TableRow } from '../../functions/shared/tables.ts';
import { statementOf } from '../../local/named-query.ts';
import { query } from '../../local/query.ts';
import { cleanUp, newFolder } from './program.ts';
import { writeTable } from './table-files.ts';

afterAll(cleanUp);

async function ask(out: string, named: string, run?: string) {
  const { sql, values } = statementOf(undefined, { named, ...(run !== undefined && { run }) })!;
  return (await query(out, sql, values)).rows;
}

const day = '2026-03-01';
const source = { dataset: 'shop', source_key: 'shop/a.csv' };
const acceptedAt = (text: string) => ({ started_at: Date.parse(text), finished_at: Date.parse(text) + 60_000 });
const node = (level: number, batch: number, parent: [number, number] | null, first: number, rows: number): TableRow => ({
  ...{ ...source, level, batch_id: batch, parent_level: parent?.[0] ?? null, parent_batch_id: parent?.[1] ?? null },
  ...{ first_row: first, row_count: rows, rows_failed: 0, status: 'ok', summary: `summary ${level}/${batch}` },
});

/** `level/batch` of a fold or batch, `#row` of a row, in the order shown. */
const shape = (rows: Awaited<ReturnType<typeof ask>>) =>
  rows.map(({ level, batch_id, row_number }) => (row_number === null ? `${level}/${batch_id}` : `#${row_number}`));

test('tree of 10,200 rows in 102 batches: root, folds, batches, rows', async () => {
  const out = newFolder();
  const runId = 'a-0000000000000001';
  // 100 batches make one fold of level 1; of the two that are left, two make another.
  const total = 102 * 100;
  const batches = Array.from({ length: 102 }, (_, batch) => node(0, batch, [1, batch < 100 ? 0 : 1], batch * 100, 100));
  const folds = [node(1, 0, [2, 0], 0, 10_000), node(1, 1, [2, 0], 10_000, 200), node(2, 0, null, 0, total)];
  const rows = Array.from({ length: total }, (_, row) => ({
    ...{ ...source, row_number: row, id: `r${row}`, text: `text ${row}`, truncated: false },
    ...{ batch_id: Math.floor(row / 100), summary: '', status: row === 7 ? 'failed' : 'ok', error_code: row === 7 ? 'empty' : null },
  }));
  writeTable(out, 'batch_summaries', day, runId, batches);
  writeTable(out, 'batch_summaries', day, runId, folds, 'levels');
  writeTable(out, 'row_summaries', day, runId, rows);
  writeTable(out, 'runs', day, runId, [{ ...source, status: 'complete', ...acceptedAt(`${day}T10:00:00Z`) }]);

  const tree = await ask(out, 'tree');
  const batchAndRows = (batch: number) => [`0/${batch}`, ...Array.from({ length: 100 }, (_, index) => `#${batch * 100 + index}`)];
  const first = Array.from({ length: 100 }, (_, batch) => batchAndRows(batch)).flat();
  expect(shape(tree)).toEqual(['2/0', '1/0', ...first, '1/1', ...batchAndRows(100), ...batchAndRows(101)]);
  expect(tree.find(({ row_number }) => row_number === 7)).toEqual({
    ...{ level: null, batch_id: null, parent_level: 0, parent_batch_id: 0, row_number: 7, id: 'r7', group_key: null },
    ...{ row_count: 1, rows_failed: 1, status: 'failed', error_code: 'empty', text: 'text 7' },
  });
});

test('rows beside their batches: those of groups that are left out have none, and are there', async () => {
  const out = newFolder();
  const runId = 'skipped-0000000000000001';
  const row = { ...source, text: '', truncated: false };
  writeTable(out, 'batch_summaries', day, runId, [node(0, 0, null, 0, 1)]);
  writeTable(out, 'row_summaries', day, runId, [
    { ...row, row_number: 0, id: 'r0', group_key: 'x', batch_id: 0, summary: 'own', status: 'ok' },
    { ...row, row_number: 1, id: 'r1', group_key: 'y', status: 'skipped' },
  ]);
  writeTable(out, 'runs', day, runId, [{ ...source, ...acceptedAt(`${day}T10:00:00Z`) }]);
  expect(await ask(out, 'rows_in_batches')).toMatchObject([
    { id: 'r0', summary: 'own', batch_summary: 'summary 0/0', status: 'ok' },
    { id: 'r1', summary: null, batch_id: null, batch_summary: null, status: 'skipped' },
  ]);
});

test('tree with a batch passed up, and of groups: what stands above groups first, then group by group', async () => {
  const out = newFolder();
  const passed = 'passed-0000000000000001';
  writeTable(out, 'batch_summaries', day, passed, [
    node(0, 0, [1, 0], 0, 2),
    node(0, 1, [1, 0], 2, 2),
    node(0, 2, [2, 0], 4, 1),
    node(1, 0, [2, 0], 0, 4),
    node(2, 0, null, 0, 5),
  ]);
  const rowOf = (batch: number, row: number, group: string | null = null) => ({
    ...{ ...source, group_key: group, row_number: row, id: `r${row}`, text: '', truncated: false, batch_id: batch, status: 'ok' },
  });
  writeTable(out, 'row_summaries', day, passed, [rowOf(0, 0), rowOf(0, 1), rowOf(1, 2), rowOf(1, 3), rowOf(2, 4)]);
  writeTable(out, 'runs', day, passed, [{ ...source, ...acceptedAt(`${day}T10:00:00Z`) }]);

  const grouped = 'grouped-0000000000000001';
  const ofGroup = (group: string, row: TableRow) => ({ ...row, group_key: group });
  writeTable(out, 'batch_summaries', day, grouped, [
    ofGroup('x', node(0, 0, [1, 0], 0, 2)),
    ofGroup('y', node(0, 1, [2, 0], 1, 2)),
    ofGroup('x', node(0, 2, [1, 0], 4, 1)),
    ofGroup('x', node(1, 0, [2, 0], 0, 3)),
    node(2, 0, null, 0, 5),
  ]);
  writeTable(out, 'row_summaries', day, grouped, [
    ...[rowOf(0, 0, 'x'), rowOf(1, 1, 'y'), rowOf(0, 2, 'x'), rowOf(1, 3, 'y'), rowOf(2, 4, 'x')],
  ]);
  writeTable(out, 'runs', day, grouped, [{ ...source, ...acceptedAt(`${day}T11:00:00Z`) }]);

  expect(shape(await ask(out, 'tree', 'passed-%'))).toEqual(['2/0', '1/0', '0/0', '#0', '#1', '0/1', '#2', '#3', '0/2', '#4']);
  expect(shape(await ask(out, 'tree'))).toEqual(['2/0', '1/0', '0/0', '#0', '#2', '0/2', '#4', '0/1', '#1', '#3']);
});

test('latest: by the time of acceptance, whichever ended later; a second dataset with the same key is another file', async () => {
  const out = newFolder();
  const runs: [runId: string, dataset: string, status: string, startedAt: string, minutes: number, root: string][] = [
    ['old', 'shop', 'complete', '2026-03-01T10:00:00Z', 600, 'root of old'],
    ['new', 'shop', 'partial', '2026-03-02T10:00:00Z', 1, 'root of new'],
    ['halted', 'shop', 'halted', '2026-04-01T10:00:00Z', 1, 'root of halted'],
    ['other', 'stall', 'complete', '2026-03-01T10:00:00Z', 1, 'root of other'],
    ['never', 'street', 'failed', '2026-03-01T10:00:00Z', 1, 'root of never'],
  ];
  for (const [runId, dataset, status, startedAt, minutes, summary] of runs) {
    const started_at = Date.parse(startedAt);
    const finished_at = started_at + minutes * 60_000;
    const dt = startedAt.slice(0, 10);
    const about = { dataset, source_key: 'a.csv', status, started_at, finished_at, summary, summary_key: `key of ${runId}` };
    writeTable(out, 'runs', dt, runId, [about]);
    writeTable(out, 'row_summaries', dt, runId, [{ dataset, source_key: 'a.csv', row_number: 0, id: runId }]);
    writeTable(out, 'batch_summaries', dt, runId, [{ ...node(0, 0, null, 0, 1), dataset, source_key: 'a.csv' }]);
  }
  const roots = await ask(out, 'latest_roots');
  expect(
    roots.map(({ dataset, run_id, newest_status, summary, summary_key }) => [dataset, run_id, newest_status, summary, summary_key]),
  ).toEqual([
    ['shop', 'new', 'halted', 'root of new', 'key of new'],
    ['stall', 'other', 'complete', 'root of other', 'key of other'],
  ]);
  for (const name of ['latest_rows', 'latest_batches'])
    expect((await ask(out, name)).map(({ run_id }) => run_id)).toEqual(['new', 'other']);
  expect((await ask(out, 'final_table')).map(({ id }) => id)).toEqual(['halted']);
});

test('cost_by_month: a month of acceptance each; runs without a price are counted, not taken for free', async () => {
  const out = newFolder();
  const runs: [dt: string, runId: string, dataset: string, cost: number | null][] = [
    ['2026-03-31', 'a', 'shop', 0.25],
    ['2026-03-01', 'b', 'shop', 0.5],
    ['2026-04-01', 'c', 'shop', 1],
    ['2026-04-30', 'd', 'shop', null],
    ['2026-04-30', 'e', 'stall', null],
  ];
  for (const [dt, runId, dataset, cost_usd] of runs)
    writeTable(out, 'runs', dt, runId, [
      { dataset, source_key: runId, cost_usd, rows_in: 10, rows_summarized: 9, calls: 2, input_tokens: 3, output_tokens: 4 },
    ]);
  const months = await ask(out, 'cost_by_month');
  expect(
    months.map(({ dataset, month, runs, cost_usd, runs_without_price }) => [dataset, month, runs, cost_usd, runs_without_price]),
  ).toEqual([
    ['shop', '2026-03', 2, 0.75, 0],
    ['shop', '2026-04', 2, 1, 1],
    ['stall', '2026-04', 1, null, 1],
  ]);
  expect(months[0]).toMatchObject({ rows_in: 20, rows_summarized: 18, calls: 4, input_tokens: 6, output_tokens: 8 });
});

test('no query shows rows of a run without a row of runs, also where the tables show them', async () => {
  const out = newFolder();
  writeTable(out, 'runs', day, 'seen', [{ ...source, status: 'complete', ...acceptedAt(`${day}T10:00:00Z`) }]);
  // The same run under another date, as an attempt that was moved would leave it: not its row of runs.
  writeTable(out, 'row_summaries', '2026-02-28', 'seen', [{ ...source, row_number: 0, id: 'moved', batch_id: 0, status: 'failed' }]);
  writeTable(out, 'batch_summaries', '2026-02-28', 'seen', [{ ...node(0, 0, null, 0, 1), status: 'failed' }]);
  writeTable(out, 'rejected_rows', '2026-02-28', 'seen', [{ ...source, row_number: 1, reason: 'empty_text' }]);
  writeTable(out, 'theme_mentions', '2026-02-28', 'seen', [{ row_number: 0, theme: 'Fit', run_theme: 'Fit' }]);
  writeTable(out, 'themes', '2026-02-28', 'seen', [{ theme: 'Fit', row_count: 1 }]);
  const names = [
    'final_table',
    'latest_rows',
    'latest_batches',
    'run_batches',
    'rows_in_batches',
    'failures',
    'rejected_reasons',
    'tree',
    'compact_rows',
    'run_themes',
    'theme_evidence',
  ];
  for (const name of names) expect([name, await ask(out, name)]).toEqual([name, []]);
});

test('latest: a whole upload before a newer trial of its first rows; a trial where there is no other; digests are no uploads', async () => {
  const out = newFolder();
  const digest = { dataset: 'shop', source_key: 'shop/_digest/digest-of-shop.jsonl' };
  const other = { dataset: 'shop', source_key: 'shop/b.csv' };
  const runs: [runId: string, row: TableRow][] = [
    ['whole-0000000000000001', { ...source, row_limit: null, rows_in: 200, ...acceptedAt(`${day}T10:00:00Z`) }],
    ['trial-0000000000000001', { ...source, row_limit: 5, rows_in: 5, ...acceptedAt(`${day}T11:00:00Z`) }],
    ['only-0000000000000001', { ...other, row_limit: 5, rows_in: 5, ...acceptedAt(`${day}T11:00:00Z`) }],
    ['digest-0000000000000001', { ...digest, row_limit: null, rows_in: 2, ...acceptedAt(`${day}T12:00:00Z`) }],
  ];
  for (const [runId, row] of runs) {
    writeTable(out, 'runs', day, runId, [
      { ...row, status: 'complete', rows_summarized: row.rows_in ?? 0, calls: 1, cost_usd: 1, summary: runId },
    ]);
    const { dataset = '', source_key = '' } = row;
    writeTable(out, 'row_summaries', day, runId, [{ dataset, source_key, row_number: 0, id: runId, text: 't', status: 'ok' }]);
    writeTable(out, 'batch_summaries', day, runId, [{ dataset, source_key, level: 0, batch_id: 0, row_count: 1, status: 'ok' }]);
  }
  const runIdsOf = async (named: string) => (await ask(out, named)).map(({ run_id }) => run_id);
  expect(await runIdsOf('latest_rows')).toEqual(['whole-0000000000000001', 'only-0000000000000001']);
  expect(await runIdsOf('latest_batches')).toEqual(['whole-0000000000000001', 'only-0000000000000001']);
  expect(await runIdsOf('latest_roots')).toEqual(['digest-0000000000000001', 'whole-0000000000000001', 'only-0000000000000001']);
  // What a trial read and a digest cost counts; the rows of a digest are summaries.
  expect(await ask(out, 'cost_by_month')).toMatchObject([{ runs: 4, rows_in: 210, rows_summarized: 210, calls: 4, cost_usd: 4 }]);
});

test('themes: those of the run, then group by group, each with its first quote; behind them the rows', async () => {
  const out = newFolder();
  const runId = 'themed-0000000000000001';
  const themeOf = (group_key: string | null, theme: string, row_count: number) => ({ group_key, theme, row_count, share: row_count / 10 });
  const mention = (row_number: number, group_key: string, theme: string, run_theme: string | null, quote: string | null) => ({
    ...{ row_number, group_key, theme, group_theme: theme, run_theme, quote, sentiment: 'positive', statement: `On ${theme}` },
  });
  writeTable(out, 'themes', day, runId, [
    ...[themeOf('b', 'Zips', 2), themeOf(null, 'Fit', 3), themeOf('', 'Size', 1), themeOf(null, 'Colour', 4), themeOf('b', 'Fit', 5)],
  ]);
  writeTable(out, 'theme_mentions', day, runId, [
    mention(7, 'b', 'Fit', 'Fit', 'seven'),
    mention(3, '', 'Size', 'Fit', 'three'),
    mention(2, 'b', 'Zips', null, null),
  ]);
  const texts = [2, 3, 7].map((row) => ({ ...source, row_number: row, id: `r${row}`, text: `text ${row}`, batch_id: 0 }));
  writeTable(out, 'row_summaries', day, runId, texts);
  writeTable(out, 'runs', day, runId, [{ ...source, ...acceptedAt(`${day}T10:00:00Z`) }]);
  const themes = await ask(out, 'run_themes');
  expect(themes.map(({ group_key, theme, row_count, quote }) => [group_key, theme, row_count, quote])).toEqual([
    [null, 'Colour', 4, null],
    [null, 'Fit', 3, 'three'],
    ['', 'Size', 1, 'three'],
    ['b', 'Fit', 5, 'seven'],
    ['b', 'Zips', 2, null],
  ]);
  const evidence = await ask(out, 'theme_evidence', 'themed-%');
  expect(evidence.map(({ run_theme, theme, id, quote, text }) => [run_theme, theme, id, quote, text])).toEqual([
    ['Fit', 'Size', 'r3', 'three', 'text 3'],
    ['Fit', 'Fit', 'r7', 'seven', 'text 7'],
    [null, 'Zips', 'r2', null, 'text 2'],
  ]);
});
