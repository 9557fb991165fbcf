import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { query } from '../../local/query.ts';
import { parquetRows } from '../functions/write-tables/parquet-content.ts';
import { cleanUp, cliPath, newFolder, reviewsCsv, runProgram, startCommand, startProgram } from './program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(120_000);
afterAll(cleanUp);

let folder: string;
let out: string;
beforeAll(async () => {
  folder = newFolder();
  out = join(folder, 'out');
  const file = join(folder, 'reviews.csv');
  writeFileSync(file, `${reviewsCsv(25)}r90,"two\nlines, ""quoted"" 東京 👩‍👩‍👧",\nr91,,5\n`);
  expect(await runProgram(['run', file, '--out', out, '--batch-size', '10', '--offline', '--json'])).toMatchObject({ code: 0 });
});

const ask = (...args: string[]) => runProgram(['query', '--out', out, ...args]);
const file = (name: string) => join(folder, name);

/** What hyparquet gives, as JSON gives it. */
const asJson = (value: unknown) =>
  typeof value === 'bigint' ? Number(value) : value instanceof Date ? value.toISOString().replace(/\.?0*Z$/, 'Z') : value;

test.each(['row_summaries', 'batch_summaries', 'runs', 'rejected_rows'])('the formats hold the same: %s', async (table) => {
  const sql = `select * from ${table} order by all`;
  const given = await Promise.all([
    ask('--json', sql),
    ask('--format', 'csv', sql),
    ask('--format', 'csv', '--output', file(`${table}.csv`), sql),
    ask('--format', 'json', '-o', file(`${table}.json`), sql),
    ask('--format', 'parquet', '-o', file(`${table}.parquet`), sql),
  ]);
  for (const { code } of given) expect(code).toBe(0);
  const [json, csv] = given.map(({ stdout }) => stdout) as [string, string];
  const rows: Record<string, unknown>[] = JSON.parse(json);
  expect(rows.length).toBeGreaterThan(0);

  expect(readFileSync(file(`${table}.json`), 'utf8')).toBe(json);
  expect(readFileSync(file(`${table}.csv`), 'utf8')).toBe(csv);
  const cast = (field: string, { quoting, header }: { quoting: boolean; header: boolean }) =>
    field === '' && !quoting && !header ? null : field;
  const texts = rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === null ? null : `${value}`])),
  );
  expect(parse(csv, { columns: true, cast, record_delimiter: '\r\n' })).toEqual(texts);

  const parquet = await parquetRows(readFileSync(file(`${table}.parquet`)));
  expect(parquet.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, asJson(value)])))).toEqual(rows);
  expect((await query(out, `from '${file(`${table}.parquet`)}'`)).rows).toEqual(rows);
});

test('Parquet on stdout is the bytes of the file; DESCRIBE and a comment at the end are taken', async () => {
  const ended = startCommand(
    'sh',
    ['-c', '"$0" "$@" > "$OUT"', process.execPath, cliPath, 'query', '--format', 'parquet', 'select 1 as n -- one'],
    {
      env: { OUT: file('stdout.parquet') },
    },
  ).ended;
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
  expect(await parquetRows(readFileSync(file('stdout.parquet')))).toEqual([{ n: 1 }]);
  expect(await ask('--format', 'parquet', '-o', file('described.parquet'), 'describe runs;')).toMatchObject({ code: 0 });
  expect((await parquetRows(readFileSync(file('described.parquet'))))[0]).toMatchObject({ column_name: 'run_id', column_type: 'VARCHAR' });
});

test('a million rows take little memory, in CSV and JSON', async () => {
  const sql = "select range as n, 'text ' || range as text from range(1000000)";
  const big = (format: string) =>
    startCommand(process.execPath, ['--max-old-space-size=64', cliPath, 'query', '--format', format, '-o', file(`big.${format}`), sql])
      .ended;
  for (const format of ['csv', 'json'])
    expect(await big(format)).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^1,000,000 rows in .*big\.(csv|json) \(\d+\.\d MB\)\n$/),
    });
  const lines = readFileSync(file('big.csv'), 'utf8').split('\r\n');
  expect([lines.length, lines.at(-2)]).toEqual([1_000_002, '999999,text 999999']);
  const rows = JSON.parse(readFileSync(file('big.json'), 'utf8'));
  expect([rows.length, rows.at(-1)]).toEqual([1_000_000, { n: 999_999, text: 'text 999999' }]);
});

test('--output replaces a file as a whole; where the query fails half-way, or is stopped, the file is as it was', async () => {
  const place = join(folder, 'place');
  mkdirSync(place);
  const path = join(place, 'rows.csv');
  writeFileSync(path, 'what was there');
  const failing = "select case when range = 499999 then cast('x' || range as int) else 1 end as n from range(500000)";
  for (const format of ['csv', 'json', 'parquet', 'table']) {
    const { code, stderr } = await ask('--format', format, '-o', path, failing);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^Conversion Error: .*'x499999'/)]);
  }
  const endless = startProgram(['query', '--format', 'csv', '-o', path, "select repeat('x', 1000) from range(1000000000)"]);
  await endless.until(
    new Promise<void>((resolve) => {
      const look = setInterval(() => {
        if (readdirSync(place).length < 2) return;
        clearInterval(look);
        resolve();
      }, 20);
    }),
  );
  endless.child.kill('SIGINT');
  expect(await endless.ended).toMatchObject({ code: 130, stdout: '', stderr: 'Stopped; what has come so far is not all.\n' });
  expect([readFileSync(path, 'utf8'), readdirSync(place)]).toEqual(['what was there', ['rows.csv']]);
  expect(await ask('-o', path, 'select 1 as n')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: `1 row in ${path} (6 B)\n`,
  });
  expect([readFileSync(path, 'utf8'), readdirSync(place)]).toEqual(['n\r\n1\r\n', ['rows.csv']]);
  expect((await ask('-o', file('shown.txt'), 'from range(10001)')).stderr).toMatch(/^the first 10,000 of 10,001 rows in .*shown\.txt /);
});

test('2: wrong usage, in one sentence, before anything is asked or written', async () => {
  const never = 'select count(*) from range(1000000000000) r where sin(r.range) > 2';
  const cases: [args: string[], words: string][] = [
    [['--json', '--format', 'csv', never], '--json is short for --format json; leave out one of --json and --format csv.\n'],
    [['--format', 'csv'], 'Format csv is for rows: give SQL or --named NAME.\n'],
    [['-o', folder, 'select 1'], `${folder} is not a file: --output takes the name of one.\n`],
    [['-o', '/dev/null', 'select 1'], '/dev/null is not a file: --output takes the name of one.\n'],
    [[''], 'There is no statement in the SQL.\n'],
  ];
  for (const [args, stderr] of cases) expect(await ask(...args)).toEqual({ code: 2, signal: null, stdout: '', stderr });
  const nowhere = await ask('-o', join(folder, 'none', 'x.csv'), 'select 1');
  expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringMatching(/^Nothing can be written in the folder of .*x\.csv \(ENOENT/)]);
  expect(existsSync(join(folder, 'none'))).toBe(false);
});

test('a table or column that is not there: the engine says so, and where to look', async () => {
  for (const sql of ['select * from rums', 'select rnu_id from runs'])
    expect(await ask(sql)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/\nnpm run query lists the tables and their columns\.\n$/),
    });
});

test('a folder without runs: no rows, and a word about it', async () => {
  const none = join(folder, 'nothing');
  expect(await runProgram(['query', '--out', none, '--json', 'select run_id from runs'])).toMatchObject({
    ...{ code: 0, stdout: '[]\n', stderr: `There are no runs in ${none} yet, so its tables are empty; npm start makes one.\n` },
  });
  expect(await runProgram(['query', '--out', none, '--json', 'select 1 as n'])).toMatchObject({
    code: 0,
    stdout: '[{"n":1}]\n',
    stderr: '',
  });
});

(process.platform === 'linux' ? test : test.skip)('a terminal is given no Parquet, and a table as wide as it is', async () => {
  // `script` gives the command a terminal of its own.
  const terminal = (args: string) =>
    startCommand('script', ['-qec', `stty cols 40; "$NODE" "$CLI" query ${args}`, '/dev/null'], {
      env: { NODE: process.execPath, CLI: cliPath },
    }).ended;
  const refused = await terminal("--format parquet 'select 1'");
  expect([refused.code, refused.stdout.trim()]).toEqual([2, 'Parquet is nothing for a terminal: name a file with --output FILE.']);
  const shown = await terminal(`"select 1 as n, repeat('long words ', 9) as text"`);
  const lines = shown.stdout.split('\r\n').filter((line) => line.startsWith('│'));
  expect(lines.length).toBeGreaterThan(3);
  expect(new Set(lines.map((line) => line.length))).toEqual(new Set([40]));
});
