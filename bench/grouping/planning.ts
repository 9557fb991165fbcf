import { sortedRunKey } from '../../functions/shared/object-keys.ts';
import { directoryStore } from '../../local/directory-store.ts';
import { benchRun, planStaged, settingsOf, stageFile } from '../run-of-reviews.ts';

/** Plans a file, grouped or not as the settings say, with the manifests of all levels; prints counts, and when each pass was over. */
const [path = '', out = '', settings] = process.argv.slice(2);
const run = benchRun(settingsOf(settings));
const work = directoryStore(out, 'work');
const started = performance.now();
const secondsSoFar = () => (performance.now() - started) / 1000;

let sortedAt = 0;
const firstRun = sortedRunKey(run.runId, 0);
const { get } = work;
/** The merge begins with reading what was sorted first. */
work.get = (key, options) => {
  if (key === firstRun) sortedAt ||= secondsSoFar();
  return get.call(work, key, options);
};
const counts = await stageFile(path, run, work);
const stagedAt = secondsSoFar();
const { folds } = await planStaged(run, counts, work);
const plannedAt = secondsSoFar();
process.stdout.write(
  `${JSON.stringify({ rows: counts.rowsStaged, groups: counts.groups, batches: counts.batches, folds, sortedAt, stagedAt, plannedAt })}\n`,
);
