import type { ObjectStore } from '../../functions/shared/ports.ts';
import { type TableName, tableNames } from '../../functions/shared/table-names.ts';
import { type TableRow, tables } from '../../functions/shared/tables.ts';
import { ParquetFile } from '../../functions/write-tables/parquet-file.ts';
import { type KnownRun, tableRows } from './known-runs.ts';
import { batchName, type RowTraces, tableFiles } from './row-traces.ts';

/** Code of what was erased, in error_code. */
export const FORGOTTEN = 'forgotten';
const NOTE = 'A row of this run was erased, with every summary that it went into; counts and costs are as they were.';
const MESSAGE = 'A row that it stood for was erased';

/** A row without what is to be erased; the row itself where it holds nothing of it. */
type Change = (row: TableRow) => TableRow;

/** What becomes of the rows of each table. */
function changesFor(id: string, { batches, groups, isInRoot }: RowTraces): Record<TableName, Change> {
  const mark = { error_code: FORGOTTEN };
  const isNamed = namesId(id);
  return {
    row_summaries(row) {
      if (row.id === id) {
        const isErased = row.text === null && row.attributes === null && row.summary === null;
        return isErased ? row : { ...row, ...mark, text: null, attributes: null, summary: null };
      }
      return row.summary !== null && batches.has(batchName(0, row.batch_id)) ? { ...row, ...mark, summary: null } : row;
    },
    batch_summaries: (row) =>
      batches.has(batchName(row.level, row.batch_id)) && row.error_code !== FORGOTTEN
        ? { ...row, ...mark, summary: null, error_message: MESSAGE }
        : row,
    group_summaries: (row) => (row.summary !== null && groups.has(String(row.group_key)) ? { ...row, summary: null } : row),
    theme_mentions(row) {
      // Names that its batch has, and those that folds gave to what came from it: they are erased in `themes`, too.
      const words = [
        ...(batches.has(batchName(0, row.batch_id)) ? ['theme', 'statement', 'quote'] : []),
        ...(groups.has(String(row.group_key)) ? ['group_theme'] : []),
        ...(isInRoot ? ['run_theme'] : []),
      ].filter((name) => (row[name] ?? null) !== null);
      return words.length === 0 ? row : { ...row, ...Object.fromEntries(words.map((name) => [name, null])) };
    },
    themes(row) {
      const isAbove = row.group_key === null ? isInRoot : groups.has(String(row.group_key));
      const ids = JSON.parse(String(row.example_ids ?? '[]')) as string[];
      const isNamedHere = ids.includes(id);
      if (!isNamedHere && (!isAbove || row.theme === null)) return row;
      return { ...row, theme: isAbove ? null : (row.theme ?? null), example_ids: JSON.stringify(ids.filter((other) => other !== id)) };
    },
    rejected_rows: (row) => (typeof row.raw === 'string' && isNamed(row.raw) ? { ...row, raw: null } : row),
    runs(row) {
      const notes = JSON.parse(String(row.notes ?? '[]')) as string[];
      if (notes.includes(NOTE)) return row;
      // What the outcome of the root was kept under is gone, whoever's words it held.
      return { ...row, notes: JSON.stringify([...notes, NOTE]), summary: isInRoot ? null : (row.summary ?? null), summary_key: null };
    },
  };
}

/** Whether a rejected record has the id as a word of its own: rejected rows have no id that could be compared. */
export function namesId(id: string): (raw: string) => boolean {
  const escaped = id.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const word = new RegExp(`(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, 'u');
  return (raw) => word.test(raw);
}

/** A file of a table that holds something of the row, and how to write it without. */
export interface Rewriting {
  key: string;
  bytes: number;
  write(): Promise<void>;
}

/** The files of a run that are to be written anew, those of texts first, that of `runs` last. */
export async function rewritingsOf(id: string, run: KnownRun, traces: RowTraces, results: ObjectStore): Promise<Rewriting[]> {
  const changes = changesFor(id, traces);
  const rewritings: Rewriting[] = [];
  for (const name of ['row_summaries', ...tableNames.filter((table) => !['row_summaries', 'runs'].includes(table)), 'runs'] as const) {
    const change = changes[name];
    for (const key of await tableFiles(name, run, results)) {
      const rows = await tableRows(results, key);
      if (rows.every((row) => change(row) === row)) continue;
      const bytes = (await results.head(key))?.bytes ?? 0;
      rewritings.push({ key, bytes, write: async () => results.put(key, fileOf(name, (await tableRows(results, key)).map(change))) });
    }
  }
  return rewritings;
}

function fileOf(name: TableName, rows: readonly TableRow[]): Uint8Array {
  const file = new ParquetFile(tables[name]);
  for (const row of rows) file.add(row);
  return file.close();
}
