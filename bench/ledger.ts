import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { attemptPrefix } from '../functions/shared/object-keys.ts';
import { type Contender, RESIDENT_MIB, runInTurn } from './contenders.ts';
import { digits, medianOf, nodeOptions, prepare, program, reviewFile, whole } from './programs.ts';
import { markdownTable } from './results.ts';
import { benchRun } from './run-of-reviews.ts';
import { openSession } from './session.ts';

/** finish-run, and its proof alone, beside reading and copying the same files with nothing checked; of a run in rows' order and of a grouped one. */

const {
  sizes: { rows, repetitions },
  folder,
  say,
  finish,
} = openSession({ name: 'ledger', defaults: { rows: 1_000_000, repetitions: 5 }, packages: ['hyparquet-writer'] });

const path = reviewFile(folder, rows);
const kinds = [
  { kind: 'rows in order', settings: {} },
  { kind: '100 groups', settings: { groupColumn: 'product' } },
];

const results = kinds.map(({ kind, settings }) => {
  say(`${whole(rows)} rows, ${kind} ...`);
  const out = join(folder, 'out');
  const target = join(folder, 'results');
  const asJson = JSON.stringify(settings);
  prepare('write/prepare.ts', path, out, asJson);
  prepare('write/tables.ts', out, '1', asJson);
  // An attempt that is closed is left alone.
  const after = () => {
    for (const gone of [target, join(out, attemptPrefix(benchRun().runId))]) rmSync(gone, { recursive: true, force: true });
  };
  const contender = (name: string, what: string): Contender => ({
    name,
    args: [...nodeOptions, program('ledger/finish.ts'), what, out, target, asJson],
    after,
  });
  const measured = runInTurn<{ seconds: number }>(
    [
      contender('finish-run', 'finish'),
      contender('its proof alone', 'ledger'),
      contender('the same files read and copied, nothing checked', 'read'),
    ],
    repetitions,
  );
  rmSync(out, { recursive: true });
  return { kind, measured };
});

const perMillion = 1_000_000 / rows;
const section = `${whole(rows)} rows, each program ${repetitions} times in turn; medians, and the most memory of any run.
${RESIDENT_MIB}. Milliseconds are those of the work for a million rows:

${markdownTable(
  results.flatMap(({ kind, measured }) =>
    measured.map((result) => ({
      run: kind,
      program: result.name,
      'ms / million rows': digits(1000 * perMillion * medianOf(result, ({ seconds }) => seconds)),
      'CPU s': digits(result.cpuSeconds),
      MiB: whole(result.residentMb),
    })),
  ),
)}

CPU seconds are those of the whole program, its start included. finish-run reads receipts, proves the ledger, copies the tables, joins the excerpts to the report and writes the row of \`runs\`; the
proof is what \`rows_in = rows_summarized + rows_failed + rows_rejected + rows_skipped\` rests on: each row number once, each batch once.`;
finish({ rows, repetitions, results }, section);
