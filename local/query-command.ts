import { ConfigError } from '../functions/shared/errors.ts';
import { tableNames } from '../functions/shared/table-names.ts';
import { INTERRUPTED } from './exit-codes.ts';
import { byteSize, count, counted } from './figures.ts';
import { checkRun, statementOf } from './named-query.ts';
import { hasRuns, openTables } from './query.ts';
import { catalog, catalogText } from './query-catalog.ts';
import { printFile, printPieces, replaceFile, writePieces } from './query-output.ts';
import { csvText, jsonText, type QueryFormat, queryFormats } from './row-formats.ts';
import { type Answer, NOT_STOPPED, type SqlEngine, type Statement } from './sql-engine.ts';
import { valuesText } from './table-text.ts';

const DEFAULT_WIDTH = 120;
/** Rows that anyone reads on a terminal; the layout holds all of them in memory. */
const MAX_SHOWN_ROWS = 10_000;

export interface QueryOptions {
  out: string;
  /** A shipped query, in place of SQL. */
  named?: string;
  /** The run that the shipped query shows. */
  run?: string;
  /** @default what `output` ends in, else 'table' */
  format?: QueryFormat;
  /** Short for format json. */
  json?: true;
  /** A file, in place of stdout. */
  output?: string;
  /** Athena, in place of DuckDB. */
  aws?: true;
  /** The same for a stack that is not the default one. */
  stack?: string;
}

const say = (line: string) => process.stderr.write(`${line}\n`);

/**
 * `hundredfold query`: SQL or a shipped query over the local tables, or in Athena over those of a stack; without either, what there is to
 * ask. @returns the exit code.
 * @throws ConfigError: wrong usage, or SQL that is not taken.
 */
export async function queryCommand(sql: string | undefined, options: QueryOptions): Promise<number> {
  const isAthena = options.aws === true || options.stack !== undefined;
  const format = formatOf(options);
  const statement = statementOf(sql, { ...options, isAthena });
  if (!statement) {
    await printCatalog(format, options.output);
    return 0;
  }
  if (format === 'parquet' && options.output === undefined && process.stdout.isTTY)
    throw new ConfigError('Parquet is nothing for a terminal: name a file with --output FILE.', { code: 'usage' });

  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  // A second one ends the process at once.
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    const engine = isAthena ? await openAthena(options.stack) : await openTables(options.out);
    try {
      await giveRows(engine, statement, format, options, interrupt.signal);
      const isOfTables = tableNames.some((name) => statement.sql.toLowerCase().includes(name));
      if (!isAthena && isOfTables && !hasRuns(options.out))
        say(`There are no runs in ${options.out} yet, so its tables are empty; npm start makes one.`);
    } finally {
      engine.close();
    }
    return 0;
  } catch (error) {
    if (interrupt.signal.aborted) {
      // Whatever else came of the signal, a query that costs on is worth a word.
      if (error instanceof ConfigError && error.code === NOT_STOPPED) say(error.message);
      say('Stopped; what has come so far is not all.');
      return INTERRUPTED;
    }
    throw withAdvice(error);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** Where none is named, what the file is called tells. */
function formatOf({ format, json, output }: QueryOptions): QueryFormat {
  if (json && format !== undefined && format !== 'json')
    throw new ConfigError(`--json is short for --format json; leave out one of --json and --format ${format}.`, { code: 'usage' });
  const ending = queryFormats.find((name) => output?.toLowerCase().endsWith(`.${name}`));
  return format ?? (json ? 'json' : (ending ?? 'table'));
}

/** The SDK is loaded for this alone. */
async function openAthena(stack: string | undefined): Promise<SqlEngine> {
  const { openStackTables } = await import('./athena/stack-tables.ts');
  return openStackTables(stack);
}

async function printCatalog(format: QueryFormat, output: string | undefined): Promise<void> {
  if (format === 'csv' || format === 'parquet')
    throw new ConfigError(`Format ${format} is for rows: give SQL or --named NAME.`, { code: 'usage' });
  const text = format === 'json' ? `${JSON.stringify(catalog)}\n` : catalogText(process.stdout.columns ?? DEFAULT_WIDTH);
  await putOut(piecesOf(text), output);
}

async function* piecesOf(text: string) {
  yield text;
}

const putOut = (pieces: AsyncIterable<string>, output: string | undefined, signal?: AbortSignal) =>
  output === undefined ? printPieces(pieces, signal) : writePieces(output, pieces, signal);

/** Asks, and puts the rows where they are wanted. Nothing is put there before the first rows have come. */
async function giveRows(engine: SqlEngine, statement: Statement, format: QueryFormat, options: QueryOptions, signal: AbortSignal) {
  const { output, run } = options;
  let rows = 0;
  const checkRows = async () => {
    if (rows === 0 && run !== undefined) await checkRun(engine, run, signal);
  };
  let bytes: unknown;
  if (format === 'parquet') {
    const write = async (path: string) => {
      rows = await engine.writeParquet(statement, path, signal);
      await checkRows();
    };
    bytes = await (output === undefined ? printFile(write, signal) : replaceFile(output, write));
  } else {
    const answer = await engine.ask(statement, signal);
    const batches = answer.batches[Symbol.asyncIterator]();
    try {
      const first = await batches.next();
      rows = first.done ? 0 : first.value.length;
      await checkRows();
      async function* all() {
        if (first.done) return;
        yield first.value;
        for await (const batch of { [Symbol.asyncIterator]: () => batches }) {
          rows += batch.length;
          yield batch;
        }
      }
      bytes = await putOut(texts[format]({ ...answer, batches: all() }, engine.isPaged), output, signal);
    } finally {
      // Where nobody wants the rest, the engine may still be at work on it.
      await batches.return?.();
    }
  }
  const written = format === 'table' && rows > MAX_SHOWN_ROWS ? firstRows(rows, engine.isPaged) : counted(rows, 'row');
  if (output !== undefined) say(`${written} in ${output} (${byteSize(Number(bytes))})`);
}

const texts: Record<Exclude<QueryFormat, 'parquet'>, (answer: Answer, isPaged: boolean) => AsyncIterable<string>> = {
  csv: csvText,
  json: jsonText,
  table: shownText,
};

/** Where rows are paged, nobody knows how many there are. */
const firstRows = (rows: number, isPaged: boolean) =>
  `the first ${count(MAX_SHOWN_ROWS)} ${isPaged ? 'rows' : `of ${counted(rows, 'row')}`}`;

/** The first rows as a table, and how many there are. */
async function* shownText({ columns, batches }: Answer, isPaged: boolean): AsyncGenerator<string> {
  const shown: (readonly unknown[])[] = [];
  let rows = 0;
  for await (const batch of batches) {
    shown.push(...batch.slice(0, MAX_SHOWN_ROWS - shown.length));
    rows += batch.length;
    if (isPaged && rows > MAX_SHOWN_ROWS) break;
  }
  const text = valuesText(columns, shown, process.stdout.columns ?? DEFAULT_WIDTH, { nullText: 'NULL' });
  yield `${text}\n${rows > MAX_SHOWN_ROWS ? `${firstRows(rows, isPaged)}; --format csv or json gives all` : counted(rows, 'row')}\n`;
}

const unknownName = /^Catalog Error: Table |^Binder Error: Referenced column |(TABLE|COLUMN)_NOT_FOUND\b/;

/** Where a table or column is not there, the way to those that are. */
function withAdvice(error: unknown): unknown {
  if (!(error instanceof ConfigError) || error.code !== 'sql' || !unknownName.test(error.message)) return error;
  return new ConfigError(`${error.message}\nnpm run query lists the tables and their columns.`, { code: 'sql', cause: error });
}
