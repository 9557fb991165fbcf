import { directoryStore } from '../../local/directory-store.ts';
import { benchRun, planStaged, settingsOf, stageFile, writeOutcomes } from '../run-of-reviews.ts';

/** Plans a file into a folder and gives each batch an outcome. */
const [path = '', out = '', settings] = process.argv.slice(2);
const work = directoryStore(out, 'work');
const run = benchRun(settingsOf(settings));
await writeOutcomes(await planStaged(run, await stageFile(path, run, work), work), work);
