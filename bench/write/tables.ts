import pLimit from 'p-limit';
import { stagedTablesPrefix } from '../../functions/shared/object-keys.ts';
import { writeTables } from '../../functions/write-tables/write-tables.ts';
import { directoryStore } from '../../local/directory-store.ts';
import { benchRun, partNames, settingsOf } from '../run-of-reviews.ts';

/** Writes the tables of all parts, so many at once, and prints their bytes. */
const [out = '', atOnce = '1', settings] = process.argv.slice(2);
const work = directoryStore(out, 'work');
const run = benchRun(settingsOf(settings));
const limit = pLimit(Number(atOnce));
const started = performance.now();
await Promise.all((await partNames(run, work)).map((part) => limit(() => writeTables({ run, part, stopReason: null }, { work }))));
const seconds = (performance.now() - started) / 1000;
let bytes = 0;
for await (const table of work.list(stagedTablesPrefix(run.runId))) bytes += table.bytes;
process.stdout.write(`${JSON.stringify({ seconds, bytes })}\n`);
