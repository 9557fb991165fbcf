import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals';
import { athenaCalls } from '../../../local/athena/athena-calls.ts';
import { type AthenaOptions, athenaEngine } from '../../../local/athena/athena-engine.ts';
import { stderrObserver } from '../../../local/athena/stack-tables.ts';
import { allRows, query } from '../../../local/query.ts';
import type { SqlEngine } from '../../../local/sql-engine.ts';
import { type AccountServer, startAccountServer } from '../../fakes/account-server.ts';
import type { AthenaAnswer, StartedQuery } from '../../fakes/athena-handlers.ts';
import { cleanUp, newFolder } from '../program.ts';

let server: AccountServer;
let answer: AthenaAnswer | undefined | Error;
let asked: { sql: string; started: StartedQuery }[];
let engine: SqlEngine;
let now: number;

const aws = { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'invented' };
const outside = { ...process.env };
/** Time passes only when the engine sleeps. */
const clock = {
  now: () => now,
  sleep: async (seconds: number) => {
    now += seconds * 1000;
  },
};
const open = (options: Partial<AthenaOptions> = {}) =>
  athenaEngine(athenaCalls({ database: 'tables', workgroup: 'group' }), { words: 'stack test', clock, ...options });

beforeEach(async () => {
  [asked, now, answer] = [[], 0, { columns: [], rows: [] }];
  server = await startAccountServer(async (sql, started) => {
    asked.push({ sql, started });
    if (answer instanceof Error) throw answer;
    return answer;
  });
  Object.assign(process.env, aws, server.env);
  engine = open();
});
afterEach(async () => {
  engine.close();
  await server.close();
  process.env = { ...outside };
});
afterAll(cleanUp);

const calls = (name: string) => server.calls.filter((call) => call === name).length;
const rowsOf = async (sql = 'SELECT 1') => (await allRows(await engine.ask({ sql }))).rows;

test('pages follow each other, and the names of the columns are no row', async () => {
  answer = { columns: [{ name: 'n', type: 'bigint' }], rows: Array.from({ length: 2500 }, (_, row) => [`${row}`]) };
  expect((await rowsOf()).map(({ n }) => n)).toEqual(Array.from({ length: 2500 }, (_, row) => row));
  expect(calls('GetQueryResults')).toBe(3);
});

test('a statement that is not a SELECT has no names above its rows', async () => {
  answer = { columns: [{ name: 'tab_name', type: 'string' }], rows: [['runs'], ['themes']], statementType: 'UTILITY' };
  expect(await rowsOf('SHOW TABLES')).toEqual([{ tab_name: 'runs' }, { tab_name: 'themes' }]);
  answer = { columns: [], rows: [], statementType: 'DDL' };
  expect(await rowsOf('DROP TABLE compact_rows')).toEqual([]);
});

test('parameters are texts in quotes, of the workgroup and database', async () => {
  await engine.ask({ sql: 'SELECT ?', values: ["it's-%"] });
  expect(asked).toEqual([{ sql: 'SELECT ?', started: { workgroup: 'group', database: 'tables', parameters: ["'it''s-%'"] } }]);
});

const typed: AthenaAnswer = {
  columns: [
    { name: 'b', type: 'bigint' },
    { name: 'beyond', type: 'bigint' },
    { name: 'i', type: 'integer' },
    { name: 'd', type: 'double' },
    { name: 'nan', type: 'double' },
    { name: 'f', type: 'float' },
    { name: 'yes', type: 'boolean' },
    { name: 'm', type: 'decimal', precision: 10, scale: 2 },
    { name: 't', type: 'timestamp' },
    { name: 'z', type: 'timestamp with time zone' },
    { name: 'o', type: 'timestamp with time zone' },
    { name: 'day', type: 'date' },
    { name: 'list', type: 'array' },
    { name: 's', type: 'varchar' },
    { name: 's', type: 'varchar' },
  ],
  rows: [
    [
      ...['7', '9007199254740993', '-1', '1.0E-5', 'NaN', '0.1', 'true', '12.50', '2026-01-02 03:04:05.600', '2026-01-02 03:04:05.000 UTC'],
      ...['2026-01-02 03:04:05.250 +01:00', '2026-01-02', '[a, b]', '', 'two\nlines "x"'],
    ],
    Array.from({ length: 15 }, () => null),
  ],
};

test('values have the types of their columns; null and an empty text differ', async () => {
  answer = typed;
  const [first, second] = await rowsOf();
  expect(first).toEqual({
    ...{ b: 7, beyond: '9007199254740993', i: -1, d: 0.00001, nan: 'NaN', f: 0.1, yes: true, m: 12.5 },
    ...{ t: '2026-01-02T03:04:05.6Z', z: '2026-01-02T03:04:05Z', o: '2026-01-02T02:04:05.25Z', day: '2026-01-02', list: '[a, b]' },
    ...{ s: '', 's:1': 'two\nlines "x"' },
  });
  expect(Object.values(second!)).toEqual(Array.from({ length: 15 }, () => null));
  const { columns } = await engine.ask({ sql: 'SELECT 1' });
  expect(columns.filter(({ isNumber }) => isNumber).map(({ name }) => name)).toEqual(['b', 'beyond', 'i', 'd', 'nan', 'f', 'm']);
});

test('Parquet keeps the types and gives the values of JSON', async () => {
  answer = typed;
  const path = join(newFolder(), 'rows.parquet');
  expect(await engine.writeParquet({ sql: 'SELECT 1' }, path)).toBe(2);
  expect(existsSync(`${path}.rows`)).toBe(false);
  const { rows: described } = await query(newFolder(), `DESCRIBE FROM '${path}'`);
  expect(described.map(({ column_type }) => column_type)).toEqual([
    ...['BIGINT', 'BIGINT', 'INTEGER', 'DOUBLE', 'DOUBLE', 'FLOAT', 'BOOLEAN', 'DECIMAL(10,2)', 'TIMESTAMP', 'VARCHAR', 'VARCHAR', 'DATE'],
    ...['VARCHAR', 'VARCHAR', 'VARCHAR'],
  ]);
  const { rows } = await query(newFolder(), `FROM '${path}'`);
  expect(rows).toEqual(await rowsOf());
});

test('Parquet of no rows has the columns; of what has no columns there is none', async () => {
  answer = { ...typed, rows: [] };
  const path = join(newFolder(), 'rows.parquet');
  expect(await engine.writeParquet({ sql: 'SELECT 1' }, path)).toBe(0);
  expect((await query(newFolder(), `FROM '${path}'`)).columns).toHaveLength(15);
  answer = { columns: [], rows: [], statementType: 'DDL' };
  await expect(engine.writeParquet({ sql: 'DROP TABLE x' }, path)).rejects.toThrow('The statement gives no rows that a file could hold.');
});

test('a query that fails gives its reason; one that is not even taken, too', async () => {
  answer = new Error("COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved");
  const failed = { name: 'ConfigError', code: 'sql', message: "Athena: COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved" };
  await expect(rowsOf()).rejects.toMatchObject(failed);
  server.failNext('StartQueryExecution', {
    status: 400,
    name: 'InvalidRequestException',
    message: 'Queries of this type are not supported',
  });
  await expect(rowsOf()).rejects.toMatchObject({ code: 'sql', message: 'Athena: Queries of this type are not supported' });
  server.failNext('StartQueryExecution', { status: 400, name: 'AccessDeniedException', message: 'Not you.' });
  await expect(rowsOf()).rejects.toMatchObject({ name: 'AccessDeniedException' });
});

test('a throttled call is made again', async () => {
  answer = { columns: [{ name: 'n', type: 'bigint' }], rows: [['1']] };
  server.failNext('GetQueryResults', { status: 400, name: 'TooManyRequestsException', message: 'Rate exceeded' });
  expect(await rowsOf()).toEqual([{ n: 1 }]);
  expect(calls('GetQueryResults')).toBe(2);
});

test('a query that nobody waits for any more is stopped, whether given up or too long', async () => {
  answer = undefined;
  const giveUp = new AbortController();
  const ends: string[] = [];
  const observer = {
    polled: (_: unknown, seconds: number) => {
      if (seconds >= 3) giveUp.abort();
    },
    ended: ({ state }: { state: string }) => void ends.push(state),
  };
  await expect(open({ observer }).ask({ sql: 'SELECT 1' }, giveUp.signal)).rejects.toMatchObject({ name: 'AbortError' });
  expect([calls('StopQueryExecution'), ends]).toEqual([1, ['CANCELLED']]);
  await expect(open({ longestSeconds: 60 }).ask({ sql: 'SELECT 1' })).rejects.toThrow("Athena's query query-2 took more than 60 s.");
  expect(calls('StopQueryExecution')).toBe(2);
  expect(calls('GetQueryResults')).toBe(0);
});

test('on stderr: nothing of a quick query but what it cost; of a long one a line now and then, over itself on a terminal', () => {
  const told = (isTTY: boolean, seconds: number[], state = 'SUCCEEDED', statementType = 'DML') => {
    const written: string[] = [];
    const observer = stderrObserver({ isTTY, write: (text: string) => written.push(text) });
    const at = { reason: undefined, statementType, scannedBytes: 34_200_001 };
    for (const second of seconds) observer.polled?.({ ...at, state: 'RUNNING' }, second);
    observer.ended?.({ ...at, state });
    return written;
  };
  expect(told(false, [0, 1])).toEqual(['Athena scanned 34.2 MB, about $0.000175\n']);
  expect(told(false, [0, 2.5, 3, 12, 13])).toEqual([
    'Athena: running, 3 s, 34.2 MB scanned\n',
    'Athena: running, 13 s, 34.2 MB scanned\n',
    'Athena scanned 34.2 MB, about $0.000175\n',
  ]);
  expect(told(true, [1, 2, 3])).toEqual([
    '\rAthena: running, 2 s, 34.2 MB scanned\u001b[K',
    '\rAthena: running, 3 s, 34.2 MB scanned\u001b[K',
    '\r\u001b[K',
    'Athena scanned 34.2 MB, about $0.000175\n',
  ]);
  expect(told(false, [], 'CANCELLED')).toEqual(['The query is cancelled. Athena scanned 34.2 MB, about $0.000175\n']);
  expect(told(true, [2], 'FAILED').at(-1)).toBe('\r\u001b[K');
  expect(told(false, [], 'SUCCEEDED', 'DDL')).toEqual(['Athena scanned 34.2 MB\n']);
});
