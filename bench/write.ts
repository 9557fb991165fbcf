import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, RESIDENT_MIB, runInTurn } from './contenders.ts';
import { digits, medianOf, nodeOptions, prepare, program, reviewFile, whole } from './programs.ts';
import { markdownTable } from './results.ts';
import { openSession } from './session.ts';

/** Writing the tables of a staged run beside the bare writer and DuckDB's COPY of the same rows, each time in a process of its own. */

const {
  sizes: { rows, repetitions },
  folder,
  say,
  finish,
} = openSession({ name: 'write', defaults: { rows: 1_000_000, repetitions: 3 }, packages: ['@duckdb/node-api', 'hyparquet-writer'] });

interface Written {
  /** Of the work alone, without starting the program. */
  seconds: number;
  bytes: number;
}

const out = join(folder, 'out');
const target = join(folder, 'target');
const after = () => rmSync(target, { recursive: true, force: true });
say(`Staging ${whole(rows)} rows ...`);
const path = reviewFile(folder, rows);
prepare('write/prepare.ts', path, out);
rmSync(path);
prepare('write/tables.ts', out, '1');

const contenders: Contender[] = [
  { name: 'write-tables, one part at a time', args: [...nodeOptions, program('write/tables.ts'), out, '1'] },
  { name: 'write-tables, all parts at once', args: [...nodeOptions, program('write/tables.ts'), out, '100'] },
  { name: 'hyparquet-writer alone, row_summaries', args: [...nodeOptions, program('write/bare-writer.ts'), out, target], after },
  { name: 'DuckDB, row_summaries of staged rows', args: [program('write/duckdb-copy.ts'), 'staged', out, target], after },
  { name: 'DuckDB, COPY of the finished row_summaries', args: [program('write/duckdb-copy.ts'), 'finished', out, target], after },
];
say('Writing ...');
const results = runInTurn<Written>(contenders, repetitions);
const secondsOf = (result: (typeof results)[number]) => medianOf(result, ({ seconds }) => seconds);
const ours = results[0] as (typeof results)[number];

const table = markdownTable(
  results.map((result) => ({
    program: result.name,
    s: digits(secondsOf(result)),
    'CPU s': digits(result.cpuSeconds),
    'rows/s': whole(rows / secondsOf(result)),
    'speed / ours': digits(secondsOf(ours) / secondsOf(result)),
    'by CPU': digits(ours.cpuSeconds / result.cpuSeconds),
    'MB written': digits(medianOf(result, ({ bytes }) => bytes) / 1e6),
    MiB: whole(result.residentMb),
  })),
);
const section = `${whole(rows)} rows, each program ${repetitions} times in turn; medians, and the most memory of any run.
${RESIDENT_MIB}. Seconds are those of the work, CPU seconds those of the whole program:

${table}

write-tables reads staged rows and the outcomes of their batches and writes \`row_summaries\`, \`batch_summaries\`, the excerpts of the report and the receipts;
each row is checked, counted and followed to its batch. The others write \`row_summaries\` alone, compressed with zstd in row groups of 10,000 rows (DuckDB: 10,240):
hyparquet-writer parses the staged rows and invents the summaries; DuckDB joins staged rows, manifest and outcomes, or reads the finished table.`;
finish({ rows, repetitions, results }, section);
