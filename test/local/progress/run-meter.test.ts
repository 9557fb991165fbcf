import { expect, test } from '@jest/globals';
import type { Batch } from '../../../functions/shared/contract.ts';
import { outcomeKey } from '../../../functions/shared/object-keys.ts';
import type { Plan } from '../../../functions/shared/plan.ts';
import type { Summarizer } from '../../../functions/shared/ports.ts';
import { defaultSettings } from '../../../functions/shared/settings.ts';
import { plainLine } from '../../../local/progress.ts';
import { RunMeter } from '../../../local/run-meter.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';

const run = { runId: 'july-0123456789abcdef', attempt: 2 };
const plan = { counts: { batches: 8, parts: 2, groups: null }, folds: [1], settings: defaultSettings } as unknown as Plan;
const batch = (batchId: number, level = 0) => ({ batchId, level, rows: 100 }) as Batch;

/** A meter after planning, with a clock of its own and a store that it looks into. */
function planned() {
  let now = 50_000;
  const meter = new RunMeter(() => now);
  const store = meter.work(new MemoryStore('work'), run);
  const summarizer = meter.counting(
    {
      async summarize() {
        now += 2_000;
        return {
          ...{
            text: 'fine',
            finishReason: 'stop',
            model: 'gpt-6-luna',
            serviceTier: null,
            requestId: null,
            latencyMs: 2_000,
            limits: null,
          },
          usage: { inputTokens: 1_000, outputTokens: 100 },
        } as Awaited<ReturnType<Summarizer['summarize']>>;
      },
    },
    'https://api.openai.com/v1',
  );
  const call = () =>
    summarizer.summarize({ model: 'gpt-6-luna', messages: [], temperature: 0, maxOutputTokens: 1, serviceTier: null, format: null }, {});
  /** An outcome as a worker writes it, paid by these attempts. */
  const settle = async (batchId: number, { paidBy = [] as number[], status = 'ok', level = 0 } = {}) => {
    const payments = paidBy.map((attempt) => ({ attempt, calls: 1 }));
    await store.putIfAbsent(outcomeKey(run.runId, level, batchId), JSON.stringify({ batchId, level, status, payments }));
    meter.batchesSettled([batch(batchId, level)]);
  };
  meter.planned(plan);
  meter.summarizing(0);
  return { meter, call, settle };
}

test('batches of earlier attempts and of other runs are cached, say nothing of the time that is left, and make no rows a second', async () => {
  const { meter, call, settle } = planned();
  meter.batchesSettled([batch(0)]);
  await settle(1, { paidBy: [1] });
  await settle(2);
  expect(plainLine(meter.line())).toBe('level 1 of 2 · 3/9 batches · 0 calls · 3 cached · 0 tokens · $0.00 · ? left');

  await call();
  await settle(3, { paidBy: [2] });
  expect(plainLine(meter.line())).toBe('level 1 of 2 · 4/9 batches · 50 rows/s · 1 call · 3 cached · 1.1K tokens · $0.000150 · 10 s left');
});

test('a failed batch is neither cached nor hidden', async () => {
  const { meter, settle } = planned();
  await settle(0, { status: 'failed' });
  expect(meter).toMatchObject({ batchesDone: 1, batchesFailed: 1, batchesCached: 0 });
  expect(meter.line().parts).toContainEqual({ text: '1 failed', rank: 7, isTrouble: true });
});

test('the level above counts its own batches', async () => {
  const { meter, call, settle } = planned();
  for (let batchId = 0; batchId < 8; batchId++) {
    await call();
    await settle(batchId, { paidBy: [2] });
  }
  meter.summarizing(1);
  expect(plainLine(meter.line())).toMatch(/^level 2 of 2 · 8\/9 batches · 50 rows\/s .* · 2 s left$/);
  await call();
  await settle(0, { paidBy: [2], level: 1 });
  expect(meter).toMatchObject({ batchesDone: 9, batchesCached: 0, calls: 9 });
});

test('a meter that is stopping says what is still in flight, not a time', async () => {
  const { meter } = planned();
  meter.isStopping = true;
  expect(plainLine(meter.line())).toMatch(/stopping, 0 in flight$/);
});

test('before and after the calls: bytes copied, read and staged, then tables', async () => {
  const meter = new RunMeter();
  expect(plainLine(meter.line())).toBe('starting');
  meter.copying(4_000_000);
  meter.bytesCopied(1_000_000);
  expect(plainLine(meter.line())).toBe('copying 1.0 MB of 4.0 MB');
  expect(meter.line().share).toBe(0.25);

  meter.reading(6);
  const input = new MemoryStore('input');
  await input.put('july.csv', 'abcdef');
  await meter.input(input).get('july.csv', { range: { start: 0, end: 3 } });
  expect(plainLine(meter.line())).toBe('reading 3 B of 6 B');
  for await (const _ of meter.input(input).stream('july.csv', { start: 3 }));
  const part = meter.work(new MemoryStore('work'), run).create('part');
  await part.write(Buffer.from('row'));
  await part.close();
  expect(plainLine(meter.line())).toBe('planning · 3 B staged');

  meter.planned(plan);
  meter.writing();
  meter.partWritten();
  expect(plainLine(meter.line())).toBe('writing tables 1/3');
  expect(meter.line().share).toBeCloseTo(1 / 3);
});
