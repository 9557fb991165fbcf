import { statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { openPinned } from '../../functions/plan-batches/open-pinned.ts';
import { stageRows } from '../../functions/plan-batches/stage-rows.ts';
import type { Run } from '../../functions/shared/contract.ts';
import { defaultSettings } from '../../functions/shared/settings.ts';
import { directoryStore } from '../../local/directory-store.ts';

/** Plans a file as the pipeline does (reads, checks, stages) into a folder and prints how many rows it has. */
const [path = '', out = ''] = process.argv.slice(2);
const input = directoryStore(dirname(path), 'input');
const work = directoryStore(out, 'work');
const key = basename(path);
const { versionId = '' } = (await input.head(key)) ?? {};
const source = { bucket: 'input', key, versionId, bytes: statSync(path).size };
const run: Run = { runId: 'bench', attempt: 1, dataset: 'bench', source, limit: null, endpoint: 'offline', settings: defaultSettings };
const { counts } = await stageRows(await openPinned(run, input, work), run, work, null, () => false);
process.stdout.write(`${JSON.stringify({ rows: counts.rowsStaged })}\n`);
