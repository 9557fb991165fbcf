import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { fileWriter, parquetWriteRows } from 'hyparquet-writer';
import type { StagedRow } from '../../functions/shared/contract.ts';
import { jsonLines } from '../../functions/shared/json-lines.ts';
import { LEVELS_PART, partKey } from '../../functions/shared/object-keys.ts';
import { tables } from '../../functions/shared/tables.ts';
import { directoryStore } from '../../local/directory-store.ts';
import { benchRun, outcomeOf, partNames } from '../run-of-reviews.ts';

/** Writes the rows of `row_summaries` with hyparquet-writer alone: staged rows are parsed, summaries invented, nothing is checked or counted. */
const [out = '', target = ''] = process.argv.slice(2);
const work = directoryStore(out, 'work');
const run = benchRun();
const typeOf = { string: 'STRING', int: 'INT32', bigint: 'INT64', double: 'DOUBLE', boolean: 'BOOLEAN', timestamp: 'TIMESTAMP' } as const;
const columns = tables.row_summaries.columns.map(({ name, type }) => ({ name, type: typeOf[type], nullable: true }));

async function* rowsOf(part: string): AsyncGenerator<Record<string, unknown>> {
  for await (const row of jsonLines<StagedRow>(work.stream(partKey(run.runId, Number(part))))) {
    const { rowNumber, groupKey, ...rest } = row;
    const batchId = Math.floor(rowNumber / run.settings.batchRows);
    if (summaryOf !== batchId) {
      summaryOf = batchId;
      summary = outcomeOf({ level: 0, batchId }).answer?.text ?? '';
    }
    yield {
      ...{ run_id: run.runId, dataset: run.dataset, source_key: run.source.key, group_key: groupKey, row_number: BigInt(rowNumber) },
      ...{ ...rest, batch_id: BigInt(batchId), summary, status: 'ok', error_code: null },
    };
  }
}

let summaryOf = -1;
let summary = '';
let bytes = 0;
mkdirSync(target, { recursive: true });
const started = performance.now();
for (const part of await partNames(run, work)) {
  if (part === LEVELS_PART) continue;
  const writer = fileWriter(join(target, `${part}.parquet`));
  await parquetWriteRows({
    ...{ writer, rows: rowsOf(part), columns, rowGroupSize: 10_000 },
    ...{ codec: 'ZSTD', compressors: { ZSTD: (input: Uint8Array) => zstdCompressSync(input) } },
  });
  bytes += writer.offset;
}
process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - started) / 1000, bytes })}\n`);
