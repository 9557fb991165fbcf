import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { QUERY_RESULT_DAYS } from '../../infra/buckets.ts';
import { namedQueries } from '../../infra/queries.ts';
import { cleanUp } from '../local/program.ts';
import { synthesize } from './synthesized.ts';
import { type TrinoProblems, trinoParser } from './trino-sql.ts';

const folder = new URL('../../queries/', import.meta.url);
const names = readdirSync(folder)
  .map((file) => file.replace(/\.sql$/, ''))
  .sort();
const text = (name: string) => readFileSync(new URL(`${name}.sql`, folder), 'utf8');
const query = (name: string) => namedQueries.find((candidate) => candidate.name === name)!;

/** Functions of Trino 4xx, hence of Athena's engine 3, that DuckDB has under the same name with the same meaning. */
const sharedFunctions = new Set(['count', 'first_value', 'min', 'min_by', 'position', 'row_number', 'substr', 'sum']);
/** Words that stand before a parenthesis and are no functions. */
const keywords = new Set(['as', 'cast', 'in', 'over', 'with']);

let problemsOf: TrinoProblems;
beforeAll(async () => {
  problemsOf = await trinoParser();
});
afterAll(cleanUp);

test('the parser tells Trino from other SQL', () => {
  expect(problemsOf('SELECT a FROM t WHERE b LIKE ? ORDER BY a LIMIT 1')).toEqual([]);
  for (const foreign of [
    'SELEKT 1',
    'SELECT a FROM t QUALIFY b = 1',
    "SELECT a::varchar FROM t WHERE b = 'x",
    'SELECT * EXCLUDE (a) FROM t',
  ])
    expect(problemsOf(foreign)).not.toEqual([]);
});

describe.each(names)('%s', (name) => {
  test('is one statement of Trino', () => {
    expect(problemsOf(text(name))).toEqual([]);
    expect(problemsOf(query(name).sql)).toEqual([]);
    expect(query(name).sql).not.toContain(';');
    expect(query(name).sql).not.toContain('--');
  });

  test('calls only functions that Trino and DuckDB share', () => {
    const called = [...query(name).sql.matchAll(/\b(\w+) ?\(/g)].map((match) => match[1]!.toLowerCase());
    expect(called.filter((word) => !keywords.has(word) && !sharedFunctions.has(word))).toEqual([]);
  });

  test('shows only visible runs: every other table is joined to runs by run_id and dt', () => {
    const { sql } = query(name);
    expect(sql).toMatch(/\bFROM runs\b|\bJOIN runs\b/);
    const tables = [
      ...sql.matchAll(/\b(?:FROM|JOIN) (?:\w+_summaries|rejected_rows|theme_mentions|themes) (\w)\b(?: (ON .*))?(?:\n *(JOIN .*))?/g),
    ];
    expect(tables).toHaveLength([...sql.matchAll(/_summaries|rejected_rows|theme_mentions|\bthemes\b/g)].length);
    for (const [, alias, on, join] of tables) {
      if (on) expect(on).toMatch(new RegExp(`^ON ${alias}\\.run_id = u\\.run_id AND ${alias}\\.dt = u\\.dt\\b`));
      else expect(join).toMatch(new RegExp(`^JOIN \\w+ u ON u\\.run_id = ${alias}\\.run_id AND u\\.dt = ${alias}\\.dt$`));
    }
  });

  test('takes at most one parameter', () => {
    expect(query(name).sql.split('?').length - 1).toBe(query(name).takesRun ? 1 : 0);
  });

  test('has a description that fits, in one sentence without a full stop', () => {
    expect(query(name).description).toMatch(/^[A-Z].{20,}[^.]$/);
    expect(query(name).description).not.toContain('--');
  });
});

test('each query lands in the workgroup with the SQL of its file', () => {
  const deployed = synthesize().ofType('AWS::Athena::NamedQuery');
  const shipped = deployed.map(([, { Properties }]) => Properties);
  expect(shipped.map(({ Name }) => Name).sort()).toEqual(names);
  for (const { Name, QueryString, Description, Database, WorkGroup } of shipped) {
    expect(QueryString).not.toBe('');
    const [header, rest] = text(Name).split(QueryString);
    expect(rest).toBe('\n');
    expect(header).toMatch(/^(-- .*\n)+$/);
    const described = header!.replaceAll(/^-- /gm, '').trimEnd().replaceAll('\n', ' ');
    expect(Description.startsWith(described)).toBe(true);
    expect(Description.includes("'%' shows the newest")).toBe(QueryString.includes('?'));
    // https://docs.aws.amazon.com/athena/latest/APIReference/API_CreateNamedQuery.html
    expect(Description.length).toBeLessThanOrEqual(1024);
    expect(Name.length).toBeLessThanOrEqual(128);
    expect({ Database, WorkGroup }).toEqual({ Database: '<Catalog/Database>', WorkGroup: '<Queries/Workgroup>' });
  }
});

test('the copy of rows says how long its files last, and its partition column comes last', () => {
  const { description, sql } = query('compact_rows');
  expect(description).toContain(`${QUERY_RESULT_DAYS} days`);
  expect(sql).toMatch(/partitioned_by = ARRAY\['month'\]\) AS\nSELECT r\.\*, substr\(r\.dt, 1, 7\) AS month\nFROM /);
});
