import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { localStores } from '../../local/local-stores.ts';
import type { Fault } from '../../local/model-server/faults.ts';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { query } from '../../local/query.ts';
import { detailProblems, eventsIn } from './event-schemas.ts';
import { cleanUp, endpointEnv, newFolder, recordOf, reviewsCsv, runProgram } from './program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

let folder: string;
beforeAll(() => {
  folder = newFolder();
});
afterAll(cleanUp);

let server: ModelServer;
let faultOf: (batch: number) => Fault | undefined;
beforeEach(async () => {
  server = await startModelServer({
    faults: (_, request) => faultOf(Math.floor(Number(/Review (\d+)/.exec(request.messages[1]!.content as string)![1]) / 10)),
  });
});
afterEach(() => server.close());

const badRequest: Fault = { kind: 'status', status: 400 };
const noQuota: Fault = { kind: 'status', status: 429, code: 'insufficient_quota' };
const nothing = () => undefined;

interface Ending {
  faults: (batch: number) => Fault | undefined;
  /** @default 30 reviews */
  content?: string;
  types: string[];
  stopCode: string | null;
  /** Rows that the last event's query gives. */
  shown: number;
}

const endings: Record<string, Ending> = {
  complete: { faults: nothing, types: ['Run Started', 'Run Completed'], stopCode: null, shown: 3 },
  partial: {
    faults: (batch) => (batch === 1 ? badRequest : undefined),
    ...{ types: ['Run Started', 'Run Completed'], stopCode: 'rows_failed', shown: 3 },
  },
  halted: {
    faults: (batch) => (batch > 0 ? noQuota : undefined),
    ...{ types: ['Run Started', 'Run Halted'], stopCode: 'quota_exhausted', shown: 3 },
  },
  failed: { faults: () => badRequest, types: ['Run Started', 'Run Failed'], stopCode: 'nothing_summarized', shown: 1 },
  rejected: {
    faults: nothing,
    content: 'lid,handle\n1,2\n3,4\n',
    ...{ types: ['Upload Rejected'], stopCode: 'no_text_column', shown: 1 },
  },
};

test.each(Object.entries(endings))('%s: valid events without a word of the file, and a query that answers', async (status, ending) => {
  faultOf = ending.faults;
  const file = join(folder, `${status}.csv`);
  const out = join(folder, status);
  writeFileSync(file, ending.content ?? reviewsCsv(30));
  const ended = await runProgram(['run', file, '--batch-size', '10', '--concurrency', '1', '--json', '--out', out], {
    env: endpointEnv(server),
  });
  const record = recordOf(ended);
  expect(record.status).toBe(status);

  const events = eventsIn(out);
  expect(events.map(({ type }) => type)).toEqual(ending.types);
  for (const { type, time, ...detail } of events) {
    expect(new Date(time).toISOString()).toBe(time);
    expect(detailProblems(type, detail)).toEqual([]);
  }
  expect(JSON.stringify(events)).not.toMatch(/Review \d|\blid\b|handle/);

  const last = events.at(-1)!;
  expect(last).toMatchObject({
    ...{ runId: record.run_id, status, stopCode: ending.stopCode, attempt: 1 },
    ...{ rowsIn: record.rows_in, rowsSummarized: record.rows_summarized, rowsFailed: record.rows_failed },
    ...{ rowsRejected: record.rows_rejected, rowsSkipped: record.rows_skipped, costUsd: record.cost_usd, calls: record.calls },
    ...{ batches: record.batches, batchesFailed: record.batches_failed, summaryKey: record.summary_key },
  });
  for (const event of events) expect((await query(out, event.query)).columns).toContain('status');
  // What the event points to is what the table says.
  const held = last.summaryKey === null ? null : await localStores(out).work.get(String(last.summaryKey));
  expect(held && JSON.parse(Buffer.from(held).toString()).answer.text).toBe(record.summary);
  expect(last.summaryKey !== null).toBe(status === 'complete' || status === 'partial');
  expect(last.summaryBucket).toBe(localStores(out).work.bucket);
  const { rows } = await query(out, last.query);
  expect(rows.length).toBeGreaterThanOrEqual(ending.shown);
});
