import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { tables } from '../../functions/shared/tables.ts';
import { query } from '../../local/query.ts';
import { callProgram } from './in-process.ts';
import { cleanUp, newFolder, recordOf, reviewsCsv, startProgram } from './program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

let folder: string;
let out: string;
let summary: string;
let runId: string;
beforeAll(async () => {
  // What shells, globs and SQL would take apart.
  folder = join(newFolder(), `it's [1] *"Größe" 東京`);
  mkdirSync(folder);
  out = join(folder, `o'ut [a-z]`);
  const file = join(folder, `it's "10 €" [x]*.csv`);
  writeFileSync(file, `${reviewsCsv(3)}r9,"\u001b]0;owned\u0007 a review that steers \u001b[2Jthe terminal",5\n`);
  const [plain, json] = [await callProgram(['run', file, '--out', out]), await callProgram(['run', file, '--out', out, '--json'])];
  summary = plain.stdout;
  runId = String(recordOf(json).run_id);
});
afterAll(cleanUp);

const command = (sql: string, ...flags: string[]) => callProgram(['query', '--out', out, ...flags, sql]);

test('names with quotes, brackets and other scripts are found; the command to go on is quoted for the shell', async () => {
  const { rows } = await query(out, 'select source_key, status, rows_in from runs');
  expect(rows).toEqual([{ source_key: `it's "10 €" [x]*.csv`, status: 'complete', rows_in: 4 }]);
  expect(summary).toContain(`npm run query -- --out '${out.replaceAll("'", "'\\''")}' "select`);
});

test('--json prints one array: numbers as numbers, as text beyond 2^53; times in ISO 8601', async () => {
  const ended = await command(
    `select 1::bigint as "big", 9007199254740993 as beyond, 12::hugeint as huge, 170141183460469231731687303715884105727::hugeint as hugest,
       12.50::decimal(10, 2) as "decimal", 0.1::double as "double", timestamp '2026-01-02 03:04:05.678' as "time", [1::bigint, null] as list,
       {'a': 1::bigint, 'b': [{'c': 9007199254740993}]} as struct, null as nothing, true as flag, 'x' as "big"`,
    '--json',
  );
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout.trimEnd().split('\n')).toHaveLength(1);
  const [row] = JSON.parse(ended.stdout);
  expect(row).toEqual({
    big: 1,
    beyond: '9007199254740993',
    huge: 12,
    hugest: '170141183460469231731687303715884105727',
    decimal: 12.5,
    double: 0.1,
    time: '2026-01-02T03:04:05.678Z',
    list: [1, null],
    struct: { a: 1, b: [{ c: '9007199254740993' }] },
    nothing: null,
    flag: true,
    'big:1': 'x',
  });
});

test('a table fits the width, and no text of a row can steer the terminal', async () => {
  const ended = await command('select row_number, id, text, summary, attributes, source_key from row_summaries order by row_number');
  expect(ended.code).toBe(0);
  const lines = ended.stdout.split('\n');
  expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(120);
  expect(lines.at(-2)).toBe('4 rows');
  expect(ended.stdout).toContain('steers');
  for (const text of [ended.stdout, summary]) expect(text).not.toMatch(/[^\P{Cc}\n]/u);
});

test('more columns than fit stand one below the other; more rows than anyone reads are cut, and said to be', async () => {
  const [wide, long] = await Promise.all([command('select * from runs'), command('select range as n from range(200000)')]);
  const names = wide.stdout.split('\n').flatMap((line) => /^ {2}(\w+)/.exec(line)?.[1] ?? []);
  expect(names).toEqual([...tables.runs.columns.map(({ name }) => name), 'dt']);
  expect(wide.stdout).toContain(runId);
  expect(long).toMatchObject({ code: 0, stderr: '' });
  expect(long.stdout.slice(-100)).toMatch(/│ 9999 +│\n└─+┘\nthe first 10,000 of 200,000 rows; --format csv or json gives all\n$/);
});

test("wrong SQL: 2, with the engine's message", async () => {
  const ended = await command('selekt 1');
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  expect(ended.stderr).toMatch(/^Parser Error: syntax error at or near "selekt"/);
});

test('an empty folder has all tables, with their columns and no rows', async () => {
  for (const { name, columns } of Object.values(tables)) {
    const result = await query(join(folder, 'nothing'), `select * from ${name}`);
    expect(result).toEqual({ columns: [...columns.map((column) => column.name), 'dt'], rows: [] });
  }
});

test('a reader that has enough, as head, makes no error of it', async () => {
  const program = startProgram(['query', '--json', '--out', out, 'select range from range(200000)']);
  program.child.stdout?.once('data', () => program.child.stdout?.destroy());
  expect(await program.ended).toMatchObject({ code: 0, stderr: '' });
});

test('rows of a run without a row of runs are not shown', async () => {
  const seen = async () =>
    Promise.all(
      ['row_summaries', 'batch_summaries', 'runs'].map(
        async (table) => (await query(out, `select count(*) as n from ${table}`)).rows[0]!.n,
      ),
    );
  expect(await seen()).toEqual([4, 1, 1]);
  rmSync(join(out, 'results', 'tables', 'runs'), { recursive: true });
  expect(await seen()).toEqual([0, 0, 0]);
});
