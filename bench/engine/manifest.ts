import { LineWriter } from '../../functions/plan-batches/line-writer.ts';
import type { Batch } from '../../functions/shared/contract.ts';
import { FAN_IN } from '../../functions/shared/limits.ts';
import { LEVELS_PART, manifestKey, partKey, partName, partsKey } from '../../functions/shared/object-keys.ts';
import { directoryStore } from '../../local/directory-store.ts';
import { benchRun } from '../run-of-reviews.ts';

/** Writes the manifest of a run of so many batches, and its list of parts. */
const [out = '', batches = ''] = process.argv.slice(2);
const { runId, settings } = benchRun();
const work = directoryStore(out, 'work');
const BATCHES_OF_PART = 1_000;
const BYTES = 22_000;

const manifest = new LineWriter(work, manifestKey(runId, 0));
for (let batchId = 0; batchId < Number(batches); batchId++) {
  const start = (batchId % BATCHES_OF_PART) * BYTES;
  const batch: Batch = {
    ...{ batchId, level: 0, groupKey: null, partKey: partKey(runId, Math.floor(batchId / BATCHES_OF_PART)), start, end: start + BYTES },
    ...{ firstRow: batchId * settings.batchRows, rows: settings.batchRows, tokensEstimate: 4_000 },
    parent: { level: 1, batchId: Math.floor(batchId / FAN_IN) },
  };
  manifest.add(JSON.stringify(batch));
  if (manifest.isHeavy) await manifest.flush();
}
await manifest.close();
await work.put(partsKey(runId), [partName(0), LEVELS_PART].map((part) => `${JSON.stringify({ part })}\n`).join(''));
