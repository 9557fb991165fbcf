import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { tables } from '../../functions/shared/tables.ts';
import { namedQueries } from '../../infra/queries.ts';
import { selectOf } from '../../local/named-query.ts';
import { catalogText } from '../../local/query-catalog.ts';
import { callProgram } from './in-process.ts';
import { cleanUp, newFolder, recordOf, reviewsCsv } from './program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

let out: string;
let runIds: string[];
beforeAll(async () => {
  const folder = newFolder();
  out = join(folder, 'out');
  runIds = [];
  for (const rows of [2, 3]) {
    writeFileSync(join(folder, 'reviews.csv'), reviewsCsv(rows));
    runIds.push(String(recordOf(await callProgram(['run', join(folder, 'reviews.csv'), '--out', out, '--json'])).run_id));
  }
});
afterAll(cleanUp);

const ask = (...args: string[]) => callProgram(['query', '--out', out, ...args]);

test('without SQL and --named: every table with its columns, every shipped query with its description', async () => {
  const [plain, json] = await Promise.all([ask(), ask('--json')]);
  expect(plain).toMatchObject({ code: 0, stderr: '' });
  const words = plain.stdout.replace(/\s+/g, ' ');
  for (const { name, comment, columns } of Object.values(tables))
    expect(words).toContain(`${name} ${comment} ${[...columns.map((column) => column.name), 'dt'].join(', ')}`);
  for (const { name, description, takesRun } of namedQueries)
    expect(words).toContain(`${name}${takesRun ? ' [--run RUN]' : ''} ${description}`);
  expect(Math.max(...plain.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  const catalog = JSON.parse(json.stdout);
  expect(catalog.tables.map(({ name }: { name: string }) => name)).toEqual(Object.keys(tables));
  expect(catalog.queries).toEqual(namedQueries.map(({ name, description, takesRun }) => ({ name, description, takes_run: takesRun })));
});

test('a narrow terminal gets whole words', () => {
  const lines = catalogText(50).split('\n');
  const words = (text: string) => text.split(/\s+/);
  expect(words(lines.join(' '))).toEqual(words(catalogText(10_000)));
  expect(Math.max(...lines.filter((line) => line.startsWith('      ')).map((line) => line.length))).toBeLessThanOrEqual(50);
});

test('--named shows the newest run, --run another, by its id or a pattern', async () => {
  const rows = async (...args: string[]) => JSON.parse((await ask('--json', '--named', 'final_table', ...args)).stdout).length;
  expect(await Promise.all([rows(), rows('--run', runIds[0]!), rows('--run', 'reviews-%')])).toEqual([3, 2, 3]);
});

test('2: wrong usage, with one sentence', async () => {
  const names = namedQueries.map(({ name }) => name).join(', ');
  const [older, newer] = runIds;
  const cases: [args: string[], words: string][] = [
    [['--named', 'final'], `There is no query "final"; there are ${names}.\n`],
    [['--named', 'tree', 'select 1'], 'Give either SQL or --named, not both.\n'],
    [['--run', 'x', 'select 1'], '--run goes with --named; in SQL of your own compare run_id.\n'],
    [['--run', 'x'], '--run goes with --named; in SQL of your own compare run_id.\n'],
    [['--named', 'latest_rows', '--run', 'x'], 'latest_rows shows all runs; leave out --run.\n'],
    [['--named', 'tree', '--run', 'x'], `There is no run "x"; the newest are ${newer}, ${older}.\n`],
    [['--named', 'tree', '--run', 'x', '--out', join(out, 'none')], `There is no run "x"; ${join(out, 'none')} has no runs.\n`],
  ];
  for (const [args, stderr] of cases) expect(await ask(...args)).toEqual({ code: 2, signal: null, stdout: '', stderr });
});

test('a run with nothing to show is no mistake', async () => {
  expect(await ask('--json', '--named', 'failures', '--run', runIds[0]!)).toMatchObject({ code: 0, stdout: '[]\n', stderr: '' });
});

test('of a statement that makes a table the rows are shown that it would hold', () => {
  expect(selectOf("CREATE TABLE a\nWITH (format = 'PARQUET') AS\nSELECT b AS c\nFROM d")).toBe('SELECT b AS c\nFROM d');
  expect(selectOf('WITH a AS (\nSELECT 1)\nSELECT * FROM a')).toBe('WITH a AS (\nSELECT 1)\nSELECT * FROM a');
});
