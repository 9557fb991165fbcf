import { writeTables } from '../../functions/write-tables/write-tables.ts';
import { directoryStore } from '../../local/directory-store.ts';
import { benchRun } from '../run-of-reviews.ts';

/** Writes the tables of one part. */
const [out = '', part = ''] = process.argv.slice(2);
const started = performance.now();
await writeTables({ run: benchRun(), part, stopReason: null }, { work: directoryStore(out, 'work') });
process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - started) / 1000 })}\n`);
