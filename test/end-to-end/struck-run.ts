import { expect } from '@jest/globals';
import type { Run } from '../../functions/shared/contract.ts';
import { reportKey } from '../../functions/shared/object-keys.ts';
import { parquetRows } from '../functions/write-tables/parquet-content.ts';
import { FaultyPipeline, type StepCall, type Strike } from './faulty-pipeline.ts';

const ROWS = 25;
export const UPLOAD = `id,review\n${Array.from({ length: ROWS }, (_, row) => `r${row},${row === 7 ? '' : `Review ${row}: the lid was fine.`}\n`).join('')}`;
/** Three batches of rows, and the fold of them. */
export const CALLS = 4;

/** Every place of the workflow where a function is called, as its Task states call it. */
export const places = {
  'plan-batches, level 0': ({ step, payload }) => step === 'plan-batches' && payload.level === 0,
  'plan-batches, between the levels': ({ step, payload }) => step === 'plan-batches' && payload.level === 1,
  'plan-batches, after the last level': ({ step, payload }) => step === 'plan-batches' && payload.level === 2,
  'summarize-batch, a batch of rows': ({ step, payload }) =>
    step === 'summarize-batch' && payload.batches?.[0]?.level === 0 && payload.batches[0].batchId === 1,
  'summarize-batch, the fold': ({ step, payload }) => step === 'summarize-batch' && payload.batches?.[0]?.level === 1,
  'write-tables, a part of rows': ({ step, payload }) => step === 'write-tables' && payload.part === '000000',
  'write-tables, the levels': ({ step, payload }) => step === 'write-tables' && payload.part === 'levels',
  'finish-run': ({ step }) => step === 'finish-run',
} satisfies Record<string, (call: StepCall) => boolean>;
export type Place = keyof typeof places;
export const placeNames = Object.keys(places) as Place[];

export async function open(): Promise<{ pipeline: FaultyPipeline; run: Run }> {
  const pipeline = new FaultyPipeline();
  const versionId = pipeline.input.seed('support/july.csv', UPLOAD);
  pipeline.input.seed('support/_hundredfold.json', '{"batchRows": 10}');
  const [run] = await pipeline.deliver('support/july.csv', versionId);
  return { pipeline, run: run as Run };
}

/** Strikes at the calls of a place: the first, or all. */
export function strikeAt(place: Place, strike: (work: () => Promise<unknown>) => Promise<unknown>, times = 1): Strike {
  let left = times;
  return (call, work) => (places[place](call) && left-- > 0 ? strike(work) : work());
}

export const tableRows = async ({ results }: FaultyPipeline, table: string): Promise<Record<string, unknown>[]> => {
  const files = results.keys(`tables/${table}/`).map((key) => parquetRows(results.bytes(key)));
  return (await Promise.all(files)).flat();
};

/** What must hold after any fault. @returns the run's row of `runs`. */
export async function requireOrder(pipeline: FaultyPipeline, run: Run, { answersPerRequest = 1 } = {}): Promise<Record<string, unknown>> {
  // Nothing answered is paid twice.
  const asked = new Map<string, number>();
  for (const request of pipeline.model.requests) {
    const words = JSON.stringify(request);
    asked.set(words, (asked.get(words) ?? 0) + 1);
  }
  expect(Math.max(0, ...asked.values())).toBeLessThanOrEqual(answersPerRequest);

  // One row of the run, whose ledger closes over the tables that are shown.
  const runs = await tableRows(pipeline, 'runs');
  expect(runs).toHaveLength(1);
  const [record] = runs as [Record<string, unknown>];
  expect(record.run_id).toBe(run.runId);
  const count = (column: string) => Number(record[column]);
  expect(count('rows_summarized') + count('rows_failed') + count('rows_rejected') + count('rows_skipped')).toBe(count('rows_in'));
  expect(count('calls')).toBe(pipeline.model.requests.length);
  const rows = await tableRows(pipeline, 'row_summaries');
  if (rows.length > 0) {
    const rejected = await tableRows(pipeline, 'rejected_rows');
    const numbers = [...rows, ...rejected].map(({ row_number }) => Number(row_number)).toSorted((one, other) => one - other);
    expect(numbers).toEqual(Array.from({ length: ROWS }, (_, row) => row));
    expect(rows.filter(({ status }) => status === 'ok')).toHaveLength(count('rows_summarized'));
    expect(rows.filter(({ status }) => status === 'failed')).toHaveLength(count('rows_failed'));
  }
  // Tables never change under a row of `runs`: whoever sees the run sees all of it.
  let isShown = false;
  for (const operation of pipeline.results.operations) {
    const [kind = '', key = ''] = operation.split(' ');
    if (/^tables\/runs\//.test(key) && kind !== 'get') isShown = kind === 'put';
    else if (key.startsWith('tables/') && ['put', 'copy', 'close', 'delete'].includes(kind))
      expect({ operation, isShown }).toEqual({ operation, isShown: false });
  }
  expect(pipeline.results.text(reportKey(run.runId))).toContain(`status-${record.status}">`);
  // One event of each id, whatever the deliveries: those of an ending say the status that the tables have.
  const details = new Map<string, unknown>();
  for (const { type, detail } of pipeline.events.events) {
    const told = JSON.stringify({ type, detail });
    expect(details.get(detail.eventId) ?? told).toBe(told);
    details.set(detail.eventId, told);
  }
  const endings = new Map<number, string[]>();
  for (const [id] of details) {
    const [, attempt, status] = /-(\d+)-([a-z]+)$/.exec(id) ?? [];
    if (status !== 'started') endings.set(Number(attempt), [...(endings.get(Number(attempt)) ?? []), status ?? '']);
  }
  for (const statuses of endings.values()) expect(statuses).toHaveLength(1);
  expect(endings.get(Math.max(...endings.keys()))).toEqual([record.status]);
  return record;
}

export const finished = { status: 'complete', rows_summarized: BigInt(ROWS - 1), rows_rejected: 1n, rows_failed: 0n, batches: 3n };
