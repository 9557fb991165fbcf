import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { newRun } from '../../functions/accept-upload/new-run.ts';
import type { Clock } from '../../functions/shared/ports.ts';
import { importFile } from '../../local/directory-store/import-file.ts';
import { claimNextAttempt } from '../../local/local-attempt.ts';
import { runLocally } from '../../local/local-run.ts';
import { localStores } from '../../local/local-stores.ts';
import { startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { RunMeter } from '../../local/run-meter.ts';
import { cleanUp, newFolder, reviewsCsv } from '../local/program.ts';

afterAll(cleanUp);

/** Longer than any pause between two tries: only the time limit of the whole run waits so long. */
const HOUR_SECONDS = 3_600;

test('a batch that fails nine times is a failed row with its reason; the run goes on and ends partial', async () => {
  const asked: number[] = [];
  const server = await startModelServer({
    faults: (_, { messages }) => {
      const row = /^\["Review (\d+)/.exec(messages.at(-1)!.content as string)?.[1];
      if (row === undefined) return undefined;
      const batch = Math.floor(Number(row) / 10);
      asked[batch] = (asked[batch] ?? 0) + 1;
      return batch === 2 ? { kind: 'status', status: 503 } : undefined;
    },
  });
  // Pauses take no time here; they are noted.
  const pauses: number[] = [];
  const clock: Clock = {
    now: Date.now,
    async sleep(seconds, signal) {
      if (seconds < HOUR_SECONDS) pauses.push(seconds);
      else if (signal) await once(signal, 'abort');
    },
  };
  const out = newFolder();
  const file = join(out, 'reviews.csv');
  writeFileSync(file, reviewsCsv(35));
  const stores = localStores(out);
  const imported = await importFile(join(out, 'input'), file, 'reviews.csv');
  const upload = {
    source: { bucket: 'input', key: 'reviews.csv', ...imported },
    dataset: 'default',
    endpoint: server.baseUrl,
    limit: null,
  };
  const run = await claimNextAttempt(newRun(upload, [{ origin: 'test', values: { batchRows: 10 } }]), stores.work, clock);
  const record = await runLocally({
    run,
    out,
    stores,
    model: { endpoint: server.baseUrl, apiKey: 'none' },
    concurrency: 4,
    observer: { meter: new RunMeter(), planned() {}, waiting() {}, stepFailed() {}, log: { info() {}, warn() {} } },
    clock,
  });
  await server.close();

  expect(asked).toEqual([1, 1, 9, 1]);
  expect(pauses).toHaveLength(8);
  for (const [index, seconds] of pauses.entries()) expect(seconds).toBeLessThanOrEqual(Math.min(60, 2 ** index));
  expect(record).toMatchObject({ status: 'partial', rows_summarized: 25, rows_failed: 10, batches_failed: 1, calls: 4 });
  const { rows } = await query(
    out,
    'select batch_id, status, error_code, error_message, summary from batch_summaries where level = 0 and batch_id = 2',
  );
  expect(rows).toEqual([
    { batch_id: 2, status: 'failed', error_code: 'model_unavailable', error_message: 'No answer after 9 tries', summary: null },
  ]);
  const failed = await query(
    out,
    'select min(row_number) as first, max(row_number) as last, count(*) as n from row_summaries where summary is null',
  );
  expect(failed.rows).toEqual([{ first: 20, last: 29, n: 10 }]);
});
