import { createReadStream, statSync } from 'node:fs';
import { parse } from 'csv-parse';
import { openUpload } from '../functions/plan-batches/open-upload.ts';
import { stageRows } from '../functions/plan-batches/stage-rows.ts';
import type { Run } from '../functions/shared/contract.ts';
import { defaultSettings } from '../functions/shared/settings.ts';
import { directoryStore } from '../local/directory-store.ts';

/** One measurement in a process of its own: `parser` reads the file with csv-parse alone, `plan` stages it as the pipeline does. */
const [kind, path, out] = process.argv.slice(2) as ['parser' | 'plan', string, string];
const bytes = statSync(path).size;
const started = performance.now();
const cpu0 = process.cpuUsage();
let rows = 0;
if (kind === 'parser') {
  for await (const _ of createReadStream(path).pipe(parse({ columns: false }))) rows++;
  rows--;
} else {
  const settings = defaultSettings;
  const open = (start: number) => createReadStream(path, { start, highWaterMark: 1024 * 1024 });
  const upload = await openUpload({ name: path, bytes, open }, settings);
  const source = { bucket: 'input', key: path, versionId: '1', bytes };
  const run: Run = { runId: 'bench', attempt: 1, dataset: 'bench', source, limit: null, endpoint: 'offline', settings };
  rows = (await stageRows(upload, run, directoryStore(out, 'work'), null, () => false)).counts.rowsIn;
}
const used = process.cpuUsage(cpu0);
const seconds = (performance.now() - started) / 1000;
process.stdout.write(
  JSON.stringify({
    cpu: (used.user + used.system) / 1e6,
    rows,
    seconds,
    megabytesPerSecond: bytes / 1e6 / seconds,
    residentMb: process.resourceUsage().maxRSS / 1024,
  }),
);
