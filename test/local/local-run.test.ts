import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { shareOfFunction } from '../../functions/plan-batches/plan-batches.ts';
import { systemClock } from '../../functions/shared/clock.ts';
import { OFFLINE_ENDPOINT } from '../../functions/shared/model-catalog.ts';
import { stateNames } from '../../infra/workflow.ts';
import { claimNextAttempt } from '../../local/local-attempt.ts';
import { type LocalRun, runLocally } from '../../local/local-run.ts';
import { localStores } from '../../local/local-stores.ts';
import { importUpload, localUpload } from '../../local/local-upload.ts';
import { RunMeter } from '../../local/run-meter.ts';
import { cleanUp, newFolder, reviewsCsv } from './program.ts';

afterAll(cleanUp);

const ROWS = 120;

/** A run of 120 batches of one row, and the functions that it started for them. */
async function run(share: Pick<LocalRun, 'batchesPerFunction'> = {}) {
  const out = newFolder();
  const file = join(out, 'reviews.csv');
  writeFileSync(file, reviewsCsv(ROWS));
  const stores = localStores(out);
  const upload = localUpload(file, OFFLINE_ENDPOINT, { settings: { batchRows: 1, rollUp: false } });
  let functions = 0;
  const record = await runLocally({
    ...{ out, stores, concurrency: 4, ...share },
    run: await claimNextAttempt(await importUpload(upload, out, stores.work), stores.work, systemClock),
    model: { endpoint: OFFLINE_ENDPOINT },
    observer: { meter: new RunMeter(), planned() {}, waiting() {}, stepFailed() {}, log: { info() {}, warn() {} } },
    watch: {
      ...{ control: (control) => control, rate: (rate) => rate, events: (events) => events },
      onState: ({ type, state }) => void (type === 'entered' && state === stateNames.summarize && functions++),
    },
  });
  return { functions, record };
}

test('each function takes one batch here, so that none waits for its neighbours; shared out as deployed the run comes to the same', async () => {
  const whole = { status: 'complete', batches: ROWS, calls: ROWS, rows_summarized: ROWS };
  expect(await run()).toMatchObject({ functions: ROWS, record: whole });
  expect(await run({ batchesPerFunction: shareOfFunction })).toMatchObject({ functions: ROWS / 10, record: whole });
});
