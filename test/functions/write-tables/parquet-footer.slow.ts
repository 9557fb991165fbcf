import { describe, expect, test } from '@jest/globals';
import { parquetMetadata } from 'hyparquet';
import { stagedTableKey } from '../../../functions/shared/object-keys.ts';
import type { TableRow } from '../../../functions/shared/tables.ts';
import { tables } from '../../../functions/shared/tables.ts';
import { ParquetFile } from '../../../functions/write-tables/parquet-file.ts';
import { writeTables } from '../../../functions/write-tables/write-tables.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { manyTexts, planSample, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { duckDbTable } from './parquet-content.ts';

const metadataOf = (bytes: Uint8Array) => parquetMetadata(Uint8Array.from(bytes).buffer);

function columnsOf(bytes: Uint8Array, group = 0) {
  const columns = metadataOf(bytes).row_groups[group]?.columns ?? [];
  return Object.fromEntries(columns.map(({ meta_data }) => [meta_data?.path_in_schema[0], meta_data]));
}

/** 25,000 rows as a run writes them: a hundred have one summary, texts are long and begin alike. */
function rowSummaries(): Uint8Array {
  const file = new ParquetFile(tables.row_summaries);
  for (let row = 0; row < 25_000; row++) {
    const batch = Math.floor(row / 100);
    const values: TableRow = {
      ...{
        run_id: RUN_ID,
        dataset: 'd',
        source_key: 'k',
        group_key: null,
        row_number: row,
        id: `r${row}`,
        truncated: false,
        batch_id: batch,
      },
      ...{ text: `${'The very same beginning of a long text. '.repeat(20)}${row}`, summary: `Summary ${batch}. ${'words '.repeat(200)}` },
      ...{ status: 'ok', error_code: null, attributes: '{}' },
    };
    file.add(values);
  }
  return file.close();
}

describe('row_summaries', () => {
  const bytes = rowSummaries();

  test('has 10,000 rows a group, each with statistics to skip it by', () => {
    const groups = metadataOf(bytes).row_groups;
    expect(groups.map((group) => Number(group.num_rows))).toEqual([10_000, 10_000, 5_000]);
    const ranges = groups.map((_, group) => {
      const { row_number, batch_id } = columnsOf(bytes, group);
      return [row_number, batch_id].flatMap((column) => [column?.statistics?.min_value, column?.statistics?.max_value].map(Number));
    });
    expect(ranges).toEqual([
      [0, 9_999, 0, 99],
      [10_000, 19_999, 100, 199],
      [20_000, 24_999, 200, 249],
    ]);
  });

  test('keeps each summary once a group, in a dictionary', () => {
    const { summary, text, run_id } = columnsOf(bytes);
    expect(summary?.encodings).toContain('RLE_DICTIONARY');
    expect(summary?.dictionary_page_offset).toBeDefined();
    expect(run_id?.encodings).toContain('RLE_DICTIONARY');
    // A hundred summaries of 1,200 characters, and 10,000 numbers.
    expect(Number(summary?.total_uncompressed_size)).toBeLessThan(100 * 1_300 + 20_000);
    expect(Number(text?.total_uncompressed_size)).toBeGreaterThan(10_000 * 800);
  });

  test('does not carry long texts in its statistics', () => {
    const { text, summary, run_id } = columnsOf(bytes);
    expect(run_id?.statistics).toMatchObject({ min_value: RUN_ID, max_value: RUN_ID });
    for (const value of [text, summary].flatMap((column) => [column?.statistics?.min_value, column?.statistics?.max_value])) {
      expect(String(value).length).toBeLessThanOrEqual(64);
    }
    expect(metadataOf(bytes).metadata_length).toBeLessThan(3 * tables.row_summaries.columns.length * 400);
  });

  test('is skipped by its statistics and not wrongly: each row is found', async () => {
    const { rows } = await duckDbTable(bytes);
    expect(rows).toHaveLength(25_000);
    expect(rows[19_999]).toMatchObject({ row_number: 19_999n, batch_id: 199n });
  });
});

test('what a run writes has these as well', async () => {
  const work = new MemoryStore('work');
  const run = sampleRun();
  await planSample(work, run, manyTexts(12_000));
  await writeTables({ run, part: '000000', stopReason: null }, { work });
  const bytes = work.bytes(stagedTableKey(RUN_ID, 'row_summaries', '000000'));
  expect(metadataOf(bytes).row_groups.map((group) => Number(group.num_rows))).toEqual([10_000, 2_000]);
  expect(columnsOf(bytes).batch_id?.statistics).toMatchObject({ min_value: 0n, max_value: 99n, null_count: 0n });
  expect(columnsOf(bytes).batch_id?.encodings).toContain('RLE_DICTIONARY');
});
