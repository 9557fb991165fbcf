import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { s3ObjectStore } from '../../functions/shared/adapters/s3-object-store.ts';
import type { Run } from '../../functions/shared/contract.ts';
import { SETTINGS_FILE, SUCCESS_FILE } from '../../functions/shared/object-keys.ts';
import { tableNames } from '../../functions/shared/table-names.ts';
import { tables } from '../../functions/shared/tables.ts';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { callProgram } from '../local/in-process.ts';
import { cleanUp, endpointEnv, newFolder, recordOf, reviewsCsv } from '../local/program.ts';
import { type Account, openAccount } from './account.ts';
import { openPipeline, type Pipeline } from './pipeline.ts';

jest.setTimeout(300_000);

/** What two runs of the same upload may differ in: where it lay, when it ran, and how long each answer took. */
const volatile = new Set('run_id source_key source_version dataset dt created_at started_at finished_at latency_ms summary_key'.split(' '));

let server: ModelServer;
let account: Account;
let pipeline: Pipeline;
let folder: string;
beforeAll(async () => {
  server = await startModelServer();
  account = await openAccount(server.baseUrl);
  pipeline = await openPipeline(account);
  folder = newFolder();
});
afterAll(async () => {
  await account.close();
  await server.close();
  cleanUp();
});

/** The result bucket's tables as files below `<out>/results`. */
async function download(out: string): Promise<void> {
  const results = s3ObjectStore(account.s3, account.buckets.results);
  for await (const { key } of results.list('tables/')) {
    const path = join(out, 'results', key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, (await results.get(key)) as Uint8Array);
  }
}

/** Every row of a run in every table, in one order, without what may differ. */
async function rowsOf(out: string, runId: string): Promise<Record<string, unknown[]>> {
  const entries = tableNames.map(async (name) => {
    const columns = tables[name].columns.map((column) => column.name).filter((column) => !volatile.has(column));
    const { rows } = await query(out, `select ${columns.join(', ')} from ${name} where run_id = '${runId}' order by all`);
    return [name, rows] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

interface Upload {
  name: string;
  /** Objects by their keys below the dataset's folder; the last one closes the upload. */
  files: Record<string, Uint8Array | string>;
  /** What is run locally, below the same folder. */
  local: string;
  settings?: Record<string, unknown>;
}

const uploads: Upload[] = [
  { name: 'a file of three levels', files: { 'july.csv': reviewsCsv(10_250) }, local: 'july.csv' },
  {
    name: 'a packed file with rows to reject, small batches, no roll-up',
    files: { 'august.csv.gz': gzipSync(`${reviewsCsv(130)}broken,"",3\nr9,x\n`) },
    local: 'august.csv.gz',
    settings: { batchRows: 7, rollUp: false },
  },
  {
    name: 'groups, some of them skipped, with a summary of each row and themes',
    files: { 'september.csv': reviewsCsv(333) },
    local: 'september.csv',
    settings: { groupColumn: 'stars', minGroupRows: 67, granularity: 'row', insights: true },
  },
  {
    name: 'a folder of part files',
    files: { 'july/part-0.csv': reviewsCsv(90), 'july/part-1.csv': reviewsCsv(60, 90), [`july/${SUCCESS_FILE}`]: '' },
    local: 'july/',
    settings: { upload: 'folder' },
  },
];

describe.each(uploads.map((upload, index) => ({ ...upload, dataset: `dataset-${index}` })))(
  '$name',
  ({ dataset, files, local, settings }) => {
    test('has the same tables on S3 and in a directory', async () => {
      const here = join(folder, dataset);
      const out = join(here, 'out');
      if (settings) await pipeline.drop(`${dataset}/${SETTINGS_FILE}`, JSON.stringify(settings));
      let runs: Run[] = [];
      for (const [key, body] of Object.entries(files)) {
        expect(runs).toEqual([]);
        runs = await pipeline.drop(`${dataset}/${key}`, body);
        mkdirSync(dirname(join(here, key)), { recursive: true });
        writeFileSync(join(here, key), body);
      }
      if (settings) writeFileSync(join(here, SETTINGS_FILE), JSON.stringify(settings));
      const [run] = runs as [Run];
      expect(await pipeline.execute(run)).toMatchObject({ status: 'SUCCEEDED' });
      const cloud = join(here, 'cloud');
      await download(cloud);

      const ended = await callProgram(['run', join(here, local), '--json', '--out', out], { env: endpointEnv(server) });
      const record = recordOf(ended);
      const expected = await rowsOf(out, String(record.run_id));
      expect(expected.row_summaries?.length).toBeGreaterThan(0);
      expect(await rowsOf(cloud, run.runId)).toEqual(expected);
      const told = account.events.filter(({ detail }) => detail.runId === run.runId).map(({ type }) => type);
      expect(told).toEqual(['Run Started', 'Run Completed']);
    });
  },
);
