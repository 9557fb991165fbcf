import { openPinned } from '../../../functions/plan-batches/open-pinned.ts';
import { type PlanBatchesPorts, planBatches } from '../../../functions/plan-batches/plan-batches.ts';
import type { Upload } from '../../../functions/plan-batches/upload.ts';
import { claimAttempt } from '../../../functions/shared/attempt.ts';
import type { Run, SourcePart } from '../../../functions/shared/contract.ts';
import { bytesOfParts, pinParts } from '../../../functions/shared/folder-parts.ts';
import type { Settings } from '../../../functions/shared/settings.ts';
import { memoryControl } from '../../../local/memory-control.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingEventSink } from '../../fakes/recording-event-sink.ts';
import { ACCEPTED_AT, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { rowsOf } from './upload-source.ts';

export const FOLDER = 'support/export/';
export type Files = Record<string, string | Uint8Array>;

/** A claimed run of a folder whose parts are pinned in the order given. */
export async function folderOf(files: Files, settings: Partial<Settings> = {}) {
  const input = new MemoryStore('input');
  const work = new MemoryStore('work');
  const parts: SourcePart[] = Object.entries(files).map(([key, content]) => ({
    key,
    versionId: input.seed(FOLDER + key, content),
    bytes: Buffer.byteLength(content),
  }));
  await pinParts(work, RUN_ID, parts);
  const source = { bucket: 'input', key: FOLDER, versionId: 'success', bytes: bytesOfParts(parts), parts: parts.length };
  const run = sampleRun({ source, settings: { upload: 'folder', ...settings } });
  await claimAttempt(work, run.runId, { attempt: 1, owner: 'execution', acceptedAt: ACCEPTED_AT, settings: run.settings });
  const ports: PlanBatchesPorts = {
    ...{ input, work, resultsBucket: 'results', control: memoryControl(), events: new RecordingEventSink() },
    ...{ concurrency: 100, isTimeShort: () => false },
  };
  const plan = (changes: Partial<Run> = {}, continueWithPart: number | null = null, isTimeShort = false) =>
    planBatches({ run: { ...run, ...changes }, level: 0, continueWithPart }, { ...ports, isTimeShort: () => isTimeShort });
  return { input, work, run, plan, open: () => openPinned(run, input, work) };
}

export const openFiles = async (files: Files, settings: Partial<Settings> = {}): Promise<Upload> =>
  (await folderOf(files, settings)).open();
export const textsOf = async (upload: Upload) => (await rowsOf(upload)).map((row) => (row.reason === null ? row.text : row.reason));

export const csvPart = (from: number, rows: number) =>
  `id,review,stars\n${Array.from({ length: rows }, (_, row) => `r${from + row},review number ${from + row},5\n`).join('')}`;
export const jsonlPart = (from: number, rows: number) =>
  Array.from({ length: rows }, (_, row) => `{"id":"r${from + row}","review":"review number ${from + row}","stars":5}\n`).join('');

/** What Spark writes: a header in every part, an empty part, one with nothing but a header. */
export const spark = {
  'part-00000.csv': csvPart(0, 5),
  'part-00001.csv': '',
  'part-00002.csv': 'id,review,stars\n',
  'part-00003.csv': csvPart(5, 4),
};

/** What Athena and Redshift write; one part has a single line, one a line that is broken. */
export const headerless = {
  'part-0': 'r0|It is warm, soft and fits|5\nr1|Far too small for me, I fear|2\n',
  'part-1': 'r2|As described, quick, cheap|4\n',
  'part-2': 'r3|short\nr4|Nice to see and nice to wear|5\n',
};
