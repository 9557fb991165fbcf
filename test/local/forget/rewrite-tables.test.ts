import { expect, test } from '@jest/globals';
import { runTablePrefix } from '../../../functions/shared/object-keys.ts';
import type { TableName } from '../../../functions/shared/table-names.ts';
import { type TableRow, tables } from '../../../functions/shared/tables.ts';
import { ParquetFile } from '../../../functions/write-tables/parquet-file.ts';
import { rewritingsOf } from '../../../local/forget/rewrite-tables.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { parquetRows } from '../../functions/write-tables/parquet-content.ts';

const run = { runId: 'july-1', dataset: 'support', source: null, dates: ['2026-01-02'], dependents: [] };

async function rewritten(table: TableName, rows: Partial<TableRow>[], traces: { isInRoot: boolean }) {
  const results = new MemoryStore('results');
  const file = new ParquetFile(tables[table]);
  const empty = Object.fromEntries(tables[table].columns.map(({ name }) => [name, null]));
  for (const row of rows) file.add({ ...empty, run_id: run.runId, ...row } as TableRow);
  const key = `${runTablePrefix(table, '2026-01-02', run.runId)}000000.parquet`;
  await results.put(key, file.close());
  const rewritingOnce = () =>
    rewritingsOf('r17', run, { batches: new Set(['0/0']), groups: new Set(['a']), isStagedOnly: false, ...traces }, results);
  for (const { write } of await rewritingOnce()) await write();
  expect(await rewritingOnce()).toEqual([]);
  return parquetRows((await results.get(key)) as Uint8Array);
}

const mention = (group_key: string, batch_id: number, row_number: number) => ({
  ...{ group_key, batch_id, row_number, theme: 'Lid', group_theme: 'Lids', run_theme: 'Parts', sentiment: 'negative' },
  ...{ statement: 'The lid broke', quote: 'lid' },
});

test.each([
  { isInRoot: true, run_theme: null },
  { isInRoot: false, run_theme: 'Parts' },
])('names that folds gave to themes go from every mention beneath them: in the root $isInRoot', async ({ isInRoot, run_theme }) => {
  const rows = await rewritten('theme_mentions', [mention('a', 0, 17), mention('a', 1, 18), mention('b', 2, 19)], { isInRoot });
  expect(rows).toMatchObject([
    { row_number: 17n, theme: null, statement: null, quote: null, group_theme: null, run_theme },
    { row_number: 18n, theme: 'Lid', statement: 'The lid broke', quote: 'lid', group_theme: null, run_theme },
    { row_number: 19n, theme: 'Lid', statement: 'The lid broke', quote: 'lid', group_theme: 'Lids', run_theme },
  ]);
});

test('themes of its group and of the run lose their names, those of other groups keep them', async () => {
  const theme = (group_key: string | null, ids: string[]) => ({ group_key, theme: 'Lids', row_count: 2, example_ids: JSON.stringify(ids) });
  const rows = await rewritten('themes', [theme('a', ['r17', 'r18']), theme('b', ['r19']), theme(null, ['r17'])], { isInRoot: true });
  expect(rows).toMatchObject([
    { group_key: 'a', theme: null, example_ids: '["r18"]', row_count: 2n },
    { group_key: 'b', theme: 'Lids', example_ids: '["r19"]' },
    { group_key: null, theme: null, example_ids: '[]' },
  ]);
});
