import { expect, test } from '@jest/globals';
import type { Batch } from '../../functions/shared/contract.ts';
import { MAX_BATCHES_PER_FUNCTION } from '../../functions/shared/limits.ts';
import { sampleRun } from '../fakes/sample-run.ts';
import { jsonLines } from '../local/workflow/fake-store.ts';
import { batch, execute, planned } from './execute-workflow.ts';

const run = sampleRun();

test('a million batches are read while they are worked on, never all at once', async () => {
  const batches = 1_000_000;
  const linesAtOnce = 500;
  let read = 0;
  let taken = 0;
  let furthestAhead = 0;
  async function* manifest() {
    for (; read < batches; read += linesAtOnce) {
      furthestAhead = Math.max(furthestAhead, read - taken);
      yield Buffer.from(jsonLines(Array.from({ length: linesAtOnce }, (_, index) => batch(read + index))));
    }
  }
  const { result, calls } = await execute(
    run,
    {
      'finish-run': () => ({ runId: run.runId, status: 'complete', stopReason: null }),
      'write-tables': ({ part }: { part: string }) => ({ part, receiptKey: part }),
      'plan-batches': (_, call) => planned(run, call === 0 ? {} : { next: 'write', level: 1 }),
      'summarize-batch': ({ batches: some }: { batches: Batch[] }) => {
        taken += some.length;
        return { waitSeconds: 0, remaining: [] };
      },
    },
    { 'batches.jsonl': manifest, 'parts.jsonl': jsonLines([{ part: '000000' }]) },
    { keepsPayloads: false },
  );
  expect(result.status).toBe('SUCCEEDED');
  expect(taken).toBe(batches);
  expect(calls['summarize-batch']).toHaveLength(batches / MAX_BATCHES_PER_FUNCTION);
  // What a hundred children hold, and a chunk.
  expect(furthestAhead).toBeLessThanOrEqual(100 * MAX_BATCHES_PER_FUNCTION + 2 * linesAtOnce);
});
