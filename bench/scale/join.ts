import { lines, parseJson } from '../../functions/shared/json-lines.ts';
import { manifestKey } from '../../functions/shared/object-keys.ts';
import type { PlanCounts } from '../../functions/shared/plan.ts';
import { directoryStore } from '../../local/directory-store.ts';
import { benchRun, COUNTS_KEY, planStaged } from '../run-of-reviews.ts';

/** Joins the manifests of all parts and plans the levels above them; prints what the manifest came to. */
const [out = ''] = process.argv.slice(2);
const work = directoryStore(out, 'work');
const run = benchRun();
const counts = parseJson((await work.get(COUNTS_KEY)) as Uint8Array) as PlanCounts;
const started = performance.now();
const { folds } = await planStaged(run, counts, work);
const seconds = (performance.now() - started) / 1000;

let bytes = 0;
for await (const group of lines(work.stream(manifestKey(run.runId, 0)))) {
  for (const line of group) bytes += line.length + 1;
}
process.stdout.write(`${JSON.stringify({ seconds, batches: counts.batches, folds, bytes })}\n`);
