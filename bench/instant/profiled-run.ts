import { systemClock } from '../../functions/shared/clock.ts';
import { claimNextAttempt } from '../../local/local-attempt.ts';
import { runLocally } from '../../local/local-run.ts';
import { localStores } from '../../local/local-stores.ts';
import { importUpload, localUpload } from '../../local/local-upload.ts';
import { RunMeter } from '../../local/run-meter.ts';
import { DEFAULT_CONCURRENCY } from '../../local/setting-flags.ts';
import { PhaseClock } from './phases.ts';

/** What `hundredfold run` does, with its phases told: prints them as JSON. Time 0 is the start of the process. */
const clock = new PhaseClock(0);
const [path = '', out = '', endpoint = ''] = process.argv.slice(2);
const stores = localStores(out);
const upload = localUpload(path, endpoint, { settings: {} });
const run = await claimNextAttempt(await importUpload(upload, out, stores.work), stores.work, systemClock);
const record = await runLocally({
  ...{ run, out, stores, concurrency: DEFAULT_CONCURRENCY, model: { endpoint, apiKey: 'bench' } },
  observer: { meter: new RunMeter(), planned() {}, waiting() {}, stepFailed() {}, log: { info() {}, warn() {} } },
  watch: {
    ...{ control: (control) => control, rate: (rate) => rate, events: (events) => events },
    onState: (event) => clock.saw(event, performance.now()),
  },
});
if (record?.status !== 'complete') throw new Error(`The run ended ${record?.status}`);
process.stdout.write(`${JSON.stringify(clock.ended(performance.now()))}\n`);
