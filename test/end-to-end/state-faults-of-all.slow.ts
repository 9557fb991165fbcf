import { describe, expect, test } from '@jest/globals';
import type { Run } from '../../functions/shared/contract.ts';
import type { SummaryRequest } from '../../functions/shared/ports.ts';
import { extractiveAnswer } from '../../local/model-server/chat-endpoint.ts';
import { rowsOfRequest } from '../../local/model-server/chat-request.ts';
import { answered } from '../fakes/scripted-summarizer.ts';
import { parquetRows } from '../functions/write-tables/parquet-content.ts';
import { namedError } from '../local/workflow/run.ts';
import { FaultyPipeline, type StepCall } from './faulty-pipeline.ts';

const ROWS = 24;
const UPLOAD = `id,review,product\n${Array.from({ length: ROWS }, (_, row) => `r${row},Review ${row}: the lid was fine and the handle broke.,p${row % 3}\n`).join('')}`;
const settings = { batchRows: 5, groupColumn: 'product', minGroupRows: 2, granularity: 'row', insights: true };

/** What the offline model says, in whatever form it is asked for. */
function answerOf({ model, messages, maxOutputTokens, format }: SummaryRequest) {
  const chat = {
    model,
    messages: messages.map((message) => ({ ...message })),
    max_tokens: maxOutputTokens,
    ...(format && { response_format: { type: 'json_schema', json_schema: format } }),
  };
  return answered(extractiveAnswer(rowsOfRequest(chat), chat));
}

async function open(): Promise<{ pipeline: FaultyPipeline; run: Run }> {
  const pipeline = new FaultyPipeline(async (request) => answerOf(request));
  const versionId = pipeline.input.seed('support/july.csv', UPLOAD);
  pipeline.input.seed('support/_hundredfold.json', JSON.stringify(settings));
  const [run] = await pipeline.deliver('support/july.csv', versionId);
  return { pipeline, run: run as Run };
}

/** Everything that the tables hold but when, and who was paid when. */
async function tablesOf({ results }: FaultyPipeline): Promise<Record<string, unknown[]>> {
  const volatile = new Set(['created_at', 'finished_at', 'started_at', 'calls_this_attempt']);
  const entries = results.keys('tables/').map(async (key) => {
    const rows = await parquetRows(results.bytes(key));
    return [key, rows.map((row) => Object.fromEntries(Object.entries(row).filter(([column]) => !volatile.has(column))))] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

const undisturbed = (async () => {
  const { pipeline, run } = await open();
  const result = await pipeline.execute(run);
  return { result, tables: await tablesOf(pipeline), payloads: pipeline.payloads, calls: pipeline.model.requests.length };
})();

const nameOf = ({ step, payload }: Pick<StepCall, 'step' | 'payload'>) => {
  const [batch] = payload.batches ?? [];
  return [step, payload.part, batch && `${batch.level}-${batch.batchId}`, step === 'plan-batches' ? payload.level : undefined]
    .filter((part) => part !== undefined)
    .join(' ');
};

test('undisturbed, each group has its batches, its folds, its themes and a summary of each row', async () => {
  const { result, tables } = await undisturbed;
  expect(result).toMatchObject({ status: 'SUCCEEDED' });
  const rowsOf = (table: string) => Object.entries(tables).flatMap(([key, rows]) => (key.startsWith(`tables/${table}/`) ? rows : []));
  expect(rowsOf('runs')).toMatchObject([{ status: 'complete', rows_summarized: BigInt(ROWS), groups: 3n }]);
  expect(rowsOf('group_summaries')).toHaveLength(3);
  expect(rowsOf('themes').length).toBeGreaterThan(0);
  expect(new Set(rowsOf('row_summaries').map((row) => (row as { summary: string }).summary)).size).toBeGreaterThan(1);
});

describe.each(['fails once', 'ends too late', 'is stopped'] as const)('a function that %s', (fault) => {
  test('changes nothing of the tables, at every call that there is, and nothing is paid for again', async () => {
    const { payloads, tables, calls } = await undisturbed;
    const names = [...new Set(payloads.map((call) => nameOf(call as StepCall)))];
    expect(names.length).toBeGreaterThan(12);
    for (const name of names) {
      const { pipeline, run } = await open();
      const stop = new AbortController();
      let isDue = true;
      pipeline.strike = async (call, work) => {
        if (!isDue || nameOf(call) !== name) return work();
        isDue = false;
        if (fault !== 'fails once') await work();
        if (fault !== 'is stopped') throw namedError('Sandbox.Timedout');
        stop.abort();
        return new Promise(() => {});
      };
      const result = await pipeline.execute(run, stop.signal);
      if (fault === 'is stopped') {
        await pipeline.closeEnded(run, 'ABORTED');
        await pipeline.execute(await pipeline.nextAttempt(run));
      }
      expect({ name, status: result.status, isDue }).toEqual({
        name,
        status: fault === 'is stopped' ? 'ABORTED' : 'SUCCEEDED',
        isDue: false,
      });
      expect({ name, calls: pipeline.model.requests.length }).toEqual({ name, calls });
      expect({ name, tables: await tablesOf(pipeline) }).toEqual({ name, tables });
    }
  });
});
