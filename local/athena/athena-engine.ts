import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { ColumnInfo } from '@aws-sdk/client-athena';
import { ConfigError } from '../../functions/shared/errors.ts';
import type { Clock } from '../../functions/shared/ports.ts';
import { distinctNames, NOT_STOPPED, type SqlEngine, type Statement } from '../sql-engine.ts';
import type { AthenaCalls, AthenaPage, AthenaState } from './athena-calls.ts';
import { athenaValue, duckDBTypeOf, isNumberType } from './athena-values.ts';
import { parquetOfTexts } from './parquet-of-texts.ts';

const POLL_SECONDS = 0.5;

/** Is told how a query goes. */
export interface AthenaObserver {
  /** It waits or runs. */
  polled?(state: AthenaState, seconds: number): void;
  /** It has succeeded, failed, or was stopped. */
  ended?(state: AthenaState): void;
}

export interface AthenaOptions {
  words: string;
  clock: Clock;
  observer?: AthenaObserver;
  /** After which a query is stopped. @default none: the workgroup has its limits */
  longestSeconds?: number;
}

/** Pages of a query that has succeeded, without the names of the columns that stand above the rows. */
interface Pages {
  columns: readonly ColumnInfo[];
  pages: AsyncIterable<AthenaPage['rows']>;
}

/**
 * Athena over the tables of a stack.
 *
 * Rows come by GetQueryResults, a thousand a call, and the next page is asked for while one is written. The CSV file of the result in S3
 * would be faster for millions of rows; but it has no types, is no CSV for SHOW and DESCRIBE, and needs the right to read the bucket.
 */
export function athenaEngine(calls: AthenaCalls, { words, clock, observer = {}, longestSeconds = Infinity }: AthenaOptions): SqlEngine {
  /** Starts a query and waits for its end. A query that nobody waits for any more is stopped. */
  async function succeeded(statement: Statement, signal: AbortSignal | undefined): Promise<string> {
    signal?.throwIfAborted();
    const id = await calls.start(statement).catch(refused);
    const startedAt = clock.now();
    for (;;) {
      const isOver = clock.now() - startedAt >= longestSeconds * 1000;
      if (signal?.aborted || isOver) {
        await calls.stop(id).catch((cause: Error) => {
          const words = `Athena's query ${id} could not be cancelled and may still run (${cause.message}).`;
          throw new ConfigError(words, { code: NOT_STOPPED, cause });
        });
        observer.ended?.({ ...(await calls.state(id)), state: 'CANCELLED' });
        signal?.throwIfAborted();
        throw new ConfigError(`Athena's query ${id} took more than ${longestSeconds} s.`, { code: 'athena_slow' });
      }
      const state = await calls.state(id);
      if (state.state === 'SUCCEEDED' || state.state === 'FAILED' || state.state === 'CANCELLED') {
        observer.ended?.(state);
        if (state.state === 'SUCCEEDED') return id;
        throw new ConfigError(`Athena: ${state.reason ?? `query ${id} is ${state.state}`}`, { code: 'sql' });
      }
      observer.polled?.(state, (clock.now() - startedAt) / 1000);
      // Whoever gives up while it sleeps is seen at once.
      await clock.sleep(POLL_SECONDS, signal).catch((error) => {
        if (!signal?.aborted) throw error;
      });
    }
  }

  async function pagesOf(statement: Statement, signal: AbortSignal | undefined): Promise<Pages> {
    const id = await succeeded(statement, signal);
    const first = await calls.page(id, undefined, signal);
    const { columns } = first;
    // SELECT has them, SHOW and DESCRIBE have not.
    const isHead = columns.every(({ Name, Label }, index) => first.rows[0]?.[index] === (Label ?? Name));
    async function* pages() {
      let page: AthenaPage = { ...first, rows: first.rows.slice(columns.length > 0 && isHead ? 1 : 0) };
      for (;;) {
        signal?.throwIfAborted();
        const next = page.nextToken === undefined ? undefined : calls.page(id, page.nextToken, signal);
        // Its failure is told where it is awaited, not where nobody listens yet.
        next?.catch(() => {});
        yield page.rows;
        if (next === undefined) return;
        page = await next;
      }
    }
    return { columns, pages: pages() };
  }

  return {
    words,
    isPaged: true,
    async ask(statement, signal) {
      const { columns, pages } = await pagesOf(statement, signal);
      const types = columns.map(({ Type }) => Type ?? 'varchar');
      const names = namesOf(columns);
      async function* batches() {
        for await (const rows of pages) yield rows.map((row) => types.map((type, index) => athenaValue(row[index], type)));
      }
      return { columns: names.map((name, index) => ({ name, isNumber: isNumberType(types[index] ?? '') })), batches: batches() };
    },
    async writeParquet(statement, path, signal) {
      const { columns, pages } = await pagesOf(statement, signal);
      const names = namesOf(columns);
      if (names.length === 0) throw new ConfigError('The statement gives no rows that a file could hold.', { code: 'sql' });
      const spool = `${path}.rows`;
      try {
        await pipeline(jsonLines(pages, columns), createWriteStream(spool), ...(signal ? [{ signal }] : []));
        return await parquetOfTexts(
          spool,
          columns.map((column, index) => ({ name: names[index] ?? '', type: duckDBTypeOf(column) })),
          path,
        );
      } finally {
        await rm(spool, { force: true });
      }
    },
    close: () => calls.close(),
  };
}

const namesOf = (columns: readonly ColumnInfo[]) => distinctNames(columns.map(({ Label, Name }) => Label ?? Name ?? ''));

/** Each row as an object whose keys are the places of its columns. */
async function* jsonLines(pages: Pages['pages'], columns: readonly ColumnInfo[]) {
  const isText = columns.map((column) => duckDBTypeOf(column) === 'VARCHAR');
  for await (const rows of pages) {
    const lines = rows.map((row) => {
      // What stays text is given as in the other formats.
      const values = columns.map(({ Type = '' }, index) => [index, (isText[index] ? athenaValue(row[index], Type) : row[index]) ?? null]);
      return `${JSON.stringify(Object.fromEntries(values))}\n`;
    });
    yield lines.join('');
  }
}

/** A statement that Athena does not even start is its writer's to mend; other trouble is told as it is. */
function refused(cause: Error): never {
  if (cause.name !== 'InvalidRequestException') throw cause;
  throw new ConfigError(`Athena: ${cause.message}`, { code: 'sql', cause });
}
