import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { namedQueries } from '../../infra/queries.ts';
import { query } from '../../local/query.ts';
import { type AccountServer, startAccountServer } from '../fakes/account-server.ts';
import type { StartedQuery } from '../fakes/athena-handlers.ts';
import { startAwsServer } from '../fakes/aws-server.ts';
import { athenaOfTables } from './athena-of-tables.ts';
import { cleanUp, newFolder, reviewsCsv, runProgram, startProgram } from './program.ts';

jest.setTimeout(180_000);

let folder: string;
let out: string;
let runId: string;
let account: AccountServer;
let env: Record<string, string>;
let started: (StartedQuery & { sql: string })[];
let isEndless = false;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  folder = newFolder();
  out = join(folder, 'out');
  const file = join(folder, 'reviews.csv');
  writeFileSync(file, `${reviewsCsv(1200)}x,,\n`);
  const { code, stdout } = await runProgram(['run', file, '--out', out, '--offline', '--json']);
  expect(code).toBe(0);
  runId = JSON.parse(stdout).run_id;
  started = [];
  account = await startAccountServer(async (sql, query) => {
    started.push({ sql, ...query });
    return isEndless ? undefined : athenaOfTables(out, sql, query);
  });
  const aws = await startAwsServer();
  const outputs = { DatabaseName: 'the_tables', WorkgroupName: 'the_group' };
  aws.stacks.set('hundredfold', outputs);
  aws.stacks.set('other', outputs);
  aws.stacks.set('old', { DatabaseName: 'the_tables' });
  closers.push(account.close, aws.close);
  env = {
    ...{ ...account.env, AWS_ENDPOINT_URL_CLOUDFORMATION: aws.url },
    ...{ AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'invented' },
    ...{ AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null', AWS_EC2_METADATA_DISABLED: 'true' },
  };
});
afterAll(async () => {
  await Promise.all(closers.map((close) => close()));
  cleanUp();
});

const here = (...args: string[]) => runProgram(['query', '--out', out, ...args]);
/** What is told while a busy machine makes a query long is left out. */
async function there(...args: string[]) {
  const ended = await runProgram(['query', ...args], { env });
  return { ...ended, stderr: ended.stderr.replace(/^Athena: (queued|running), .*\n/gm, '') };
}
const PRICE = 'Athena scanned 123.5 kB, about $0.000050\n';

test('the same query gives the same on both: rows over pages, runs with times and costs, shipped queries', async () => {
  const cases = [
    ['--json', 'select * from row_summaries order by row_number'],
    ['--json', 'select * from batch_summaries order by level, batch_id'],
    ['--format', 'csv', 'select * from runs'],
    ['--json', 'select row_number from row_summaries where false'],
    ['--format', 'csv', '--named', 'final_table', '--run', runId],
  ];
  for (const args of cases) {
    const [local, aws] = await Promise.all([here(...args), there('--aws', ...args)]);
    expect([aws.code, aws.stderr, aws.stdout === local.stdout]).toEqual([0, PRICE, true]);
  }
  expect(started.at(-1)).toMatchObject({ database: 'the_tables', workgroup: 'the_group' });
  expect(started.find(({ parameters }) => parameters !== undefined)).toMatchObject({
    ...{ sql: namedQueries.find(({ name }) => name === 'final_table')?.sql, parameters: [`'${runId}'`] },
  });
});

test('tables and Parquet of a stack by its name', async () => {
  const sql = 'select row_number, id, truncated, summary from row_summaries order by row_number';
  const [local, aws] = [await here(`${sql} limit 3`), await there('--stack', 'other', `${sql} limit 3`)];
  expect(aws).toEqual({ ...local, stderr: PRICE });
  const path = join(folder, 'rows.parquet');
  expect(await there('--aws', '--format', 'parquet', '--output', path, sql)).toMatchObject({ code: 0, stdout: '' });
  expect((await query(out, `from '${path}'`)).rows).toEqual((await query(out, sql)).rows);
  expect((await query(out, `select distinct column_type as t from (describe from '${path}') order by 1`)).rows.map(({ t }) => t)).toEqual([
    ...['BIGINT', 'BOOLEAN', 'VARCHAR'],
  ]);
});

test('a run that is not there is refused with those that are', async () => {
  const ended = await there('--aws', '--named', 'tree', '--run', 'none-%');
  expect(ended).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining(`There is no run "none-%"; the newest are ${runId}.\n`),
  });
});

test('2 and its reason where Athena refuses or fails; a stack that is not there, or is too old', async () => {
  const unknown = await there('--aws', 'select * from rums');
  expect([unknown.code, unknown.stdout]).toEqual([2, '']);
  expect(unknown.stderr).toMatch(/^Athena: Catalog Error: Table with name rums does not exist!/);
  account.failNext('StartQueryExecution', { status: 400, name: 'AccessDeniedException', message: 'You are not authorized.' });
  expect(await there('--aws', 'select 1')).toMatchObject({
    ...{ code: 2, stdout: '', stderr: 'These AWS credentials may not do this (You are not authorized.).\n' },
  });
  expect(await there('--stack', 'none', 'select 1')).toMatchObject({ code: 2, stderr: expect.stringMatching(/^There is no stack none/) });
  expect(await there('--stack', 'old', 'select 1')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/has no output WorkgroupName/),
  });
});

test('Ctrl-C cancels the query, says so, and leaves no file', async () => {
  isEndless = true;
  const path = join(folder, 'never.csv');
  const program = startProgram(['query', '--aws', '--format', 'csv', '-o', path, 'select 1'], { env });
  await program.says('Athena: running, ');
  program.child.kill('SIGINT');
  const { code, stdout, stderr } = await program.ended;
  isEndless = false;
  expect([code, stdout]).toEqual([130, '']);
  expect(stderr).toMatch(/\nThe query is cancelled\. Athena scanned 0 B, about \$0\.000050\nStopped; what has come so far is not all\.\n$/);
  expect(account.calls.at(-2)).toBe('StopQueryExecution');
  expect(() => readFileSync(path)).toThrow('ENOENT');
});

test('a query that cannot be cancelled is named, since it costs on', async () => {
  isEndless = true;
  account.failNext('StopQueryExecution', { status: 400, name: 'AccessDeniedException', message: 'Not you.' });
  const program = startProgram(['query', '--aws', 'select 1'], { env });
  await program.says('Athena: running, ');
  program.child.kill('SIGINT');
  const { code, stderr } = await program.ended;
  isEndless = false;
  expect([code, stderr]).toEqual([
    130,
    expect.stringMatching(/Athena's query query-\d+ could not be cancelled and may still run \(Not you\.\)\.\nStopped/),
  ]);
});

test('a table asks for no more pages than it shows', async () => {
  const before = account.calls.filter((call) => call === 'GetQueryResults').length;
  const { code, stdout } = await there('--aws', 'select range as n from range(20000)');
  expect([code, stdout.slice(-100)]).toEqual([
    0,
    expect.stringMatching(/│ 9999 │\n└─+┘\nthe first 10,000 rows; --format csv or json gives all\n$/),
  ]);
  // Of 21 pages; some are read ahead.
  expect(account.calls.filter((call) => call === 'GetQueryResults').length - before).toBeLessThan(15);
});

test('without SQL: the same catalogue, and nobody is asked', async () => {
  const before = account.calls.length;
  expect(await there('--aws')).toEqual(await here());
  expect(account.calls).toHaveLength(before);
});
