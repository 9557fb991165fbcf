import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { tableKey } from '../../functions/shared/object-keys.ts';
import { tables } from '../../functions/shared/tables.ts';
import { ParquetFile } from '../../functions/write-tables/parquet-file.ts';
import { allRows, openTables, query } from '../../local/query.ts';
import { cleanUp, newFolder } from './program.ts';
import { writeTable } from './table-files.ts';

afterAll(cleanUp);

/** A row of runs as a version without the column `claims` has written it. */
function writeOldRun(out: string, runId: string) {
  const columns = tables.runs.columns.filter(({ name }) => name !== 'claims');
  const file = new ParquetFile({ ...tables.runs, columns });
  file.add({ ...Object.fromEntries(columns.map(({ name }) => [name, null])), run_id: runId });
  const path = join(out, 'results', tableKey('runs', '2026-01-01', runId, '000000'));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, file.close());
}

test('columns that files of an older version lack are null, beside newer files and alone', async () => {
  const out = newFolder();
  writeOldRun(out, 'old');
  expect((await query(out, 'select run_id, claims, dt from runs')).rows).toEqual([{ run_id: 'old', claims: null, dt: '2026-01-01' }]);
  writeTable(out, 'runs', '2026-03-01', 'new', [{ claims: 7 }]);
  const { columns, rows } = await query(out, 'select * from runs order by dt');
  expect(columns).toEqual([...tables.runs.columns.map(({ name }) => name), 'dt']);
  expect(rows).toMatchObject([
    { run_id: 'old', claims: null, dt: '2026-01-01' },
    { run_id: 'new', claims: 7, dt: '2026-03-01' },
  ]);
});

test('a statement that fails after thousands of rows is an error, not a short result', async () => {
  const failing = "select case when range = 499999 then cast('x' || range as int) else 1 end as n from range(500000)";
  const engine = await openTables(newFolder());
  const answer = await engine.ask({ sql: failing });
  let rows = 0;
  const readAll = async () => {
    for await (const batch of answer.batches) rows += batch.length;
  };
  await expect(readAll()).rejects.toMatchObject({ code: 'sql', message: expect.stringMatching(/^Conversion Error: .*'x499999'/) });
  expect(rows).toBeGreaterThan(0);
  engine.close();
});

test('a statement under way is stopped by its signal', async () => {
  const engine = await openTables(newFolder());
  const giveUp = new AbortController();
  const endless = engine.ask({ sql: 'select count(*) from range(1000000000000) r where sin(r.range) > 2' }, giveUp.signal).then(allRows);
  giveUp.abort();
  await expect(endless).rejects.toMatchObject({ name: 'AbortError' });
  engine.close();
});

test('nothing is downloaded, not even where SQL asks for it', async () => {
  const out = newFolder();
  await expect(query(out, 'INSTALL httpfs')).rejects.toThrow(/no access to the file at PATH/);
  await expect(query(out, "FROM read_parquet('https://127.0.0.1:1/x.parquet')")).rejects.toThrow(/requires the extension httpfs/);
});

test('white space and comments are no statement', async () => {
  for (const sql of ['', ' ;', '-- nothing'])
    await expect(query(newFolder(), sql)).rejects.toMatchObject({
      name: 'ConfigError',
      code: 'sql',
      message: 'There is no statement in the SQL.',
    });
});

test('values in JSON: floats are short, times are UTC without zeros at the end, decimals that a number would cut are text', async () => {
  const sql = `select 0.1::float as f, 'nan'::double as n, ['-inf'::double] as l, timestamp '2026-01-02 03:04:05' as t, timestamptz '2026-01-02 03:04:05.25+01' as z,
    'infinity'::timestamp as i, ['-infinity'::date, 'infinity'::date, date '1969-12-31'] as d, 0.12345678901234567890::decimal(38, 20) as long, 1234567890123.25::decimal(38, 2) as short, [timestamp '2026-01-02 03:04:05.6'] as times`;
  expect((await query(newFolder(), sql)).rows).toEqual([
    {
      ...{
        f: 0.1,
        n: 'NaN',
        l: ['-Infinity'],
        t: '2026-01-02T03:04:05Z',
        z: '2026-01-02T02:04:05.25Z',
        i: 'infinity',
        d: ['-infinity', 'infinity', '1969-12-31'],
      },
      ...{ long: '0.12345678901234567890', short: 1234567890123.25, times: ['2026-01-02T03:04:05.6Z'] },
    },
  ]);
});

test('Parquet keeps every digit of a sum, what no number can keep is refused', async () => {
  const path = join(newFolder(), 'sums.parquet');
  const engine = await openTables(newFolder());
  const sql = 'select sum(n) as "the ""total""", max(n) as n from (values (9007199254740993), (2)) as t(n) where n <> $1; -- all';
  try {
    expect(await engine.writeParquet({ sql, values: ['3'] }, path)).toBe(1);
    await expect(engine.writeParquet({ sql: 'select 170141183460469231731687303715884105727 as n' }, path)).rejects.toThrow(
      /1701411834604692317/,
    );
  } finally {
    engine.close();
  }
  const { columns, rows } = await query(newFolder(), `from '${path}'`);
  expect([columns, rows]).toEqual([['the "total"', 'n'], [{ 'the "total"': '9007199254740995', n: '9007199254740993' }]]);
});
