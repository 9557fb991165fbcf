import { createWriteStream, existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { runIdOf } from '../../functions/accept-upload/new-run.ts';
import { openPinned } from '../../functions/plan-batches/open-pinned.ts';
import { noRows } from '../../functions/plan-batches/plan-batches.ts';
import type { Upload, UploadRow } from '../../functions/plan-batches/upload.ts';
import type { Run, SourcePart } from '../../functions/shared/contract.ts';
import { readParts, versionOfParts } from '../../functions/shared/folder-parts.ts';
import { parseJson } from '../../functions/shared/json-lines.ts';
import type { ObjectStore } from '../../functions/shared/ports.ts';
import { hashOf, importFile } from '../directory-store/import-file.ts';
import { directoryStore } from '../directory-store.ts';
import { localStores } from '../local-stores.ts';
import type { LocalUpload } from '../local-upload.ts';
import { runInPlace } from '../run-in-place.ts';
import { inScratchFolder } from '../scratch-folder.ts';
import { chosenRows } from './chosen-rows.ts';

/** Changes whenever the same file would give another sample. */
const SAMPLE_VERSION = 1;

const count = z.int().min(0);

/** A sample that was taken of a file: an upload of its own, which every way reads. */
const sampleSchema = z.object({
  /** The dataset of the sample's runs: what is paid for one sample is no other's. */
  dataset: z.string(),
  /** Where it lies in the input bucket of the comparisons. */
  key: z.string(),
  versionId: z.string(),
  bytes: count,
  rows: count,
  /** Of the file, or of its first `limit` rows: those that can be summarized, and those that cannot. */
  rowsUsable: count,
  rowsRejected: count,
  textColumn: z.string(),
  idColumn: z.string(),
  /** Sentences on how the file was read. */
  notes: z.array(z.string()),
});
export type Sample = z.infer<typeof sampleSchema>;

/**
 * The sample of so many rows of an upload, spread over all of it. It is taken once and kept below `out`: the same bytes, read under the same
 * settings, have the same sample. Reads the upload twice, to count its rows and to take some; holds none of them.
 * @throws InvalidUploadError: it cannot be a source of rows.
 */
export const sampleOf = (upload: LocalUpload, size: number, out: string): Promise<Sample> =>
  inScratchFolder('compare', async (folder) => {
    const [input, scratch] = [directoryStore(dirname(upload.path), 'input'), directoryStore(folder, 'work')];
    const { work } = localStores(out);
    const run = await runInPlace(upload, input, scratch);
    const name = await nameOf(run, upload, size, scratch);
    const kept = await work.get(sampleKey(name));
    const sample = kept && sampleSchema.safeParse(parseJson(kept)).data;
    if (sample && existsSync(samplePath(out, sample))) return sample;
    const path = join(folder, 'sample.jsonl');
    const taken = await takeSample(await openPinned(run, input, scratch), run, size, path);
    const dataset = `sample-of-${name}`;
    const key = `${dataset}/${basename(run.source.key).replace(/\.[A-Za-z0-9.]{1,12}$/, '')}.jsonl`;
    const fresh: Sample = { dataset, key, ...(await importFile(join(out, 'input'), path, key)), ...taken };
    await work.put(sampleKey(name), JSON.stringify(fresh));
    return fresh;
  });

const sampleKey = (name: string) => `samples/${name}.json`;

/** Where a sample lies as a file. */
export const samplePath = (out: string, { key }: Pick<Sample, 'key'>) => join(out, 'input', key);

/** Names what the sample follows from: the upload's bytes, the settings that say how rows are read, and its size. */
async function nameOf({ runId, source, limit, settings }: Run, { path }: LocalUpload, size: number, work: ObjectStore): Promise<string> {
  const { textColumn, idColumn, delimiter, groupColumn, maxRowCharacters, redact } = settings;
  const reading = [SAMPLE_VERSION, size, textColumn, idColumn, delimiter, groupColumn, maxRowCharacters, redact];
  const identity = { ...source, key: basename(path), versionId: await hashOfUpload(path, runId, work) };
  return runIdOf({ source: identity, endpoint: 'sample', limit, explicit: JSON.stringify(reading) });
}

async function hashOfUpload(path: string, runId: string, work: ObjectStore): Promise<string> {
  const parts = await readParts(work, runId);
  if (!parts) return hashOf(path);
  const hashed: SourcePart[] = [];
  for (const part of parts) hashed.push({ ...part, versionId: await hashOf(join(path, part.key)) });
  return versionOfParts(hashed);
}

type Taken = Omit<Sample, 'dataset' | 'key' | 'versionId' | 'bytes'>;

async function takeSample(upload: Upload, run: Run, size: number, path: string): Promise<Taken> {
  let rowsUsable = 0;
  let rowsRead = 0;
  for await (const row of rowsOf(upload, run.limit)) {
    rowsRead++;
    if (row.reason === null) rowsUsable++;
  }
  if (rowsUsable === 0) throw noRows(upload, { counts: { rowsIn: rowsRead } });
  const { textColumn } = upload;
  const idColumn = upload.idColumn ?? freeName(upload.columns);
  await pipeline(Readable.from(linesOf(upload, run.limit, chosenRows(rowsUsable, size), idColumn)), createWriteStream(path));
  const rows = Math.min(rowsUsable, size);
  return { rows, rowsUsable, rowsRejected: rowsRead - rowsUsable, textColumn, idColumn, notes: [...upload.notes] };
}

/** The chosen rows, counted among those that can be summarized, as lines of JSON. */
async function* linesOf(upload: Upload, limit: number | null, chosen: Iterator<number>, idColumn: string): AsyncGenerator<string> {
  let next = chosen.next();
  let usable = 0;
  for await (const row of rowsOf(upload, limit)) {
    if (next.done) return;
    if (row.reason !== null || usable++ !== next.value) continue;
    yield lineOf(row, upload.textColumn, idColumn);
    next = chosen.next();
  }
}

async function* rowsOf({ rows, start }: Upload, limit: number | null): AsyncGenerator<UploadRow> {
  for await (const group of rows(start)) {
    for (const row of group) {
      if (row.rowNumber >= (limit ?? Number.POSITIVE_INFINITY)) return;
      yield row;
    }
  }
}

/** A name for the ids of rows that none of the columns has. */
function freeName(columns: readonly string[]): string {
  let name = 'row';
  while (columns.includes(name)) name += '_';
  return name;
}

/** A row as a line of JSON, its other columns as they were written. Id and text come last: of two fields of one name the last counts. */
function lineOf({ attributes, id, text }: Extract<UploadRow, { reason: null }>, textColumn: string, idColumn: string): string {
  const own = JSON.stringify({ [idColumn]: id, [textColumn]: text });
  return attributes === '{}' ? `${own}\n` : `${attributes.slice(0, -1)},${own.slice(1)}\n`;
}
