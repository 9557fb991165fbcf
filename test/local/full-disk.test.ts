import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import type { Clock, ObjectStore } from '../../functions/shared/ports.ts';
import { claimNextAttempt } from '../../local/local-attempt.ts';
import { runLocally } from '../../local/local-run.ts';
import { localStores } from '../../local/local-stores.ts';
import { importUpload, localUpload } from '../../local/local-upload.ts';
import { startModelServer } from '../../local/model-server/model-server.ts';
import { RunMeter } from '../../local/run-meter.ts';
import { watchedStore } from '../../local/watched-store.ts';
import { cleanUp, newFolder, reviewsCsv } from './program.ts';

afterAll(cleanUp);

/** Longer than any pause between two tries: only the time limit of the whole run waits so long. */
const HOUR_SECONDS = 3_600;
const clock: Clock = {
  now: Date.now,
  async sleep(seconds, signal) {
    if (seconds >= HOUR_SECONDS && signal) await once(signal, 'abort');
  },
};

test('where answers cannot be kept no further one is paid: the run halts, and goes on when there is room again', async () => {
  await using server = Object.assign(await startModelServer(), { [Symbol.asyncDispose]: () => server.close() });
  const out = newFolder();
  const file = join(out, 'reviews.csv');
  writeFileSync(file, reviewsCsv(80));
  const stores = localStores(out);
  const upload = localUpload(file, server.baseUrl, { settings: { batchRows: 10 } });
  const attempt = async (work: ObjectStore) => {
    const run = await claimNextAttempt(await importUpload(upload, out, stores.work), stores.work, clock);
    const observer = { meter: new RunMeter(), planned() {}, waiting() {}, stepFailed() {}, log: { info() {}, warn() {} } };
    return runLocally({
      ...{ run, out, observer, clock },
      stores: { ...stores, work },
      model: { endpoint: server.baseUrl, apiKey: 'none' },
      concurrency: 2,
    });
  };

  const refuse = async (...args: Parameters<ObjectStore['putIfAbsent']>) => {
    if (!args[0].startsWith('summaries/')) return stores.work.putIfAbsent(...args);
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
  };
  const full = watchedStore(stores.work, { putIfAbsent: refuse });
  expect(await attempt(full)).toMatchObject({ status: 'halted', stop_reason: 'storage: ENOSPC', rows_summarized: 0 });
  // Two calls were in flight, and each may have let one more begin before the halt.
  expect(server.stats().answers).toBeLessThanOrEqual(4);
  expect(await attempt(stores.work)).toMatchObject({ status: 'complete', rows_summarized: 80 });
});
