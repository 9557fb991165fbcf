import { manifestKey } from '../../functions/shared/object-keys.ts';
import { groupSumSchema, sumOf } from '../../functions/write-tables/part-sums.ts';
import { readFates } from '../../functions/write-tables/read-fates.ts';
import { directoryStore } from '../../local/directory-store.ts';
import { benchRun, manifestLines } from '../run-of-reviews.ts';

/** Reads and checks the outcomes of level 0, as the steps do that write tables; then reads their sums, each batch as a group of its own. */
const [out = ''] = process.argv.slice(2);
const run = benchRun();
const work = directoryStore(out, 'work');
const batches = await manifestLines(manifestKey(run.runId, 0), work);
const started = performance.now();
const fates = await readFates(batches, run, null, work);
if (fates.some(({ status }) => status !== 'ok')) throw new Error('An outcome is missing');
const seconds = (performance.now() - started) / 1000;

const sums = fates.map((fate) => JSON.stringify(sumOf(fate, `group ${fate.batch.batchId}`)));
const summed = performance.now();
for (const line of sums) groupSumSchema.parse(JSON.parse(line));
const sumSeconds = (performance.now() - summed) / 1000;
process.stdout.write(`${JSON.stringify({ seconds, sumSeconds, outcomes: fates.length })}\n`);
