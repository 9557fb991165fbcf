import { manifestKey } from '../../functions/shared/object-keys.ts';
import { readFates } from '../../functions/write-tables/read-fates.ts';
import { directoryStore } from '../../local/directory-store.ts';
import { benchRun, manifestLines } from '../run-of-reviews.ts';

/** Reads and checks the outcomes of level 0, as the step does that writes the levels of a grouped run. */
const [out = ''] = process.argv.slice(2);
const run = benchRun();
const work = directoryStore(out, 'work');
const batches = await manifestLines(manifestKey(run.runId, 0), work);
const started = performance.now();
const fates = await readFates(batches, run, null, work);
if (fates.some(({ status }) => status !== 'ok')) throw new Error('An outcome is missing');
process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - started) / 1000, outcomes: fates.length })}\n`);
