import type { Json } from '@duckdb/node-api';
import type { Answer } from './sql-engine.ts';

export const queryFormats = ['table', 'csv', 'json', 'parquet'] as const;
export type QueryFormat = (typeof queryFormats)[number];

const LINE_END = '\r\n';

/** Rows as one array of objects, on one line, in pieces. It is closed at the end alone: half of it is no JSON. */
export async function* jsonText({ columns, batches }: Answer): AsyncGenerator<string> {
  const keys = columns.map(({ name }) => JSON.stringify(name));
  // Put together by hand: an object would sort names that are numbers.
  const text = (row: readonly Json[]) => `{${keys.map((key, index) => `${key}:${JSON.stringify(row[index] ?? null)}`).join(',')}}`;
  let before = '[';
  for await (const rows of batches) {
    if (rows.length === 0) continue;
    yield `${before}${rows.map(text).join(',')}`;
    before = ',';
  }
  yield before === '[' ? '[]\n' : ']\n';
}

/**
 * Rows as RFC 4180 has them, below the names of their columns, in pieces. Nothing stands for null, a pair of quotes for an empty text;
 * lists and structs are JSON.
 */
export async function* csvText({ columns, batches }: Answer): AsyncGenerator<string> {
  const line = (values: readonly Json[]) => `${values.map(csvField).join(',')}${LINE_END}`;
  yield line(columns.map(({ name }) => name));
  for await (const rows of batches) if (rows.length > 0) yield rows.map(line).join('');
}

function csvField(value: Json): string {
  if (value === null) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
