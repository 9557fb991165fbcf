import { describe, expect, test } from '@jest/globals';
import type { Batch, Run } from '../../functions/shared/contract.ts';
import { errorNames } from '../../functions/shared/errors.ts';
import { MAX_BATCHES_PER_FUNCTION, MAX_SETTINGS_BYTES } from '../../functions/shared/limits.ts';
import { defaultSettings, resolveSettings, type Settings } from '../../functions/shared/settings.ts';
import { sampleRun } from '../fakes/sample-run.ts';
import { jsonLines } from '../local/workflow/fake-store.ts';
import { namedError } from '../local/workflow/run.ts';
import { type Behaviour, batch, definition, execute, planned } from './execute-workflow.ts';

const run = sampleRun();
const objects = {
  'batches.jsonl': jsonLines([0, 1, 2].map((id) => batch(id))),
  'parts.jsonl': jsonLines([{ part: '000000' }, { part: 'levels' }]),
};
const allIsWell: Behaviour = {
  'plan-batches': (_, call) =>
    planned(run, call === 0 ? { next: 'plan', continueWithPart: 1 } : call < 3 ? { level: call - 1 } : { next: 'write', level: 2 }),
  'summarize-batch': () => ({ waitSeconds: 0, remaining: [] }),
  'write-tables': ({ part }: { part: string }) => ({ part, receiptKey: `receipts/${part}.json` }),
  'finish-run': () => ({ runId: run.runId, status: 'complete', stopReason: null }),
};

describe('what a state hands on is what the next one takes', () => {
  test('where all goes well: planned in two calls, two levels, two parts', async () => {
    const { result, calls } = await execute(run, allIsWell, objects);
    expect(result).toMatchObject({ status: 'SUCCEEDED' });
    expect(calls['plan-batches']).toMatchObject([
      { level: 0, continueWithPart: null },
      { level: 0, continueWithPart: 1 },
      { level: 1 },
      { level: 2 },
    ]);
    expect(calls['summarize-batch']).toHaveLength(2);
    expect(calls['write-tables']).toHaveLength(2);
    expect(calls['finish-run']).toEqual([{ run, stopReason: null, failure: null }]);
  });

  test.each(['write', 'finish'] as const)('where planning says %s and why the run was halted', async (next) => {
    const { result, calls } = await execute(
      run,
      { ...allIsWell, 'plan-batches': () => planned(run, { next, stopReason: 'interrupted' }) },
      objects,
    );
    expect(result.status).toBe('SUCCEEDED');
    expect(calls['write-tables']).toHaveLength(next === 'write' ? 2 : 0);
    expect(calls['finish-run']).toMatchObject([{ stopReason: 'interrupted', failure: null }]);
  });

  test('where batches wait, again and again', async () => {
    const waiting = ({ batches }: { batches: Batch[] }, call: number) =>
      call < 3 ? { waitSeconds: 7, remaining: batches.slice(call) } : { waitSeconds: 0, remaining: [] };
    const { calls } = await execute(
      run,
      {
        ...allIsWell,
        'plan-batches': (_, call) => planned(run, call === 0 ? {} : { next: 'write', level: 1 }),
        'summarize-batch': waiting as never,
      },
      objects,
    );
    expect(calls['summarize-batch']).toMatchObject([{ hasWaited: false }, { hasWaited: true }, { hasWaited: true }]);
  });

  test('where the run failed', async () => {
    const { result } = await execute(
      run,
      { ...allIsWell, 'finish-run': () => ({ runId: run.runId, status: 'failed', stopReason: 'too many' }) },
      objects,
    );
    expect(result).toMatchObject({ status: 'FAILED', error: 'RunFailed' });
  });

  const errors = [...Object.values(errorNames), 'Lambda.TooManyRequestsException', 'Lambda.Unknown', 'Sandbox.Timedout'];
  const failing = (name: string) => () => namedError(name);

  test.each(errors)('where plan-batches ends with %s, finish-run is told its name', async (name) => {
    const { calls } = await execute(run, { ...allIsWell, 'plan-batches': failing(name) }, objects);
    expect(calls['finish-run']).toEqual([{ run, stopReason: null, failure: name }]);
  });

  test.each(errors)('where summarize-batch ends with %s, it is called a last time to record that, and the run goes on', async (name) => {
    const { result, calls } = await execute(
      run,
      {
        ...allIsWell,
        'summarize-batch': ({ failure }: { failure: string | null }) =>
          failure === null ? namedError(name) : { waitSeconds: 0, remaining: [] },
      } as Behaviour,
      objects,
    );
    expect(result.status).toBe('SUCCEEDED');
    expect(calls['summarize-batch'].at(-1)).toMatchObject({ failure: name, batches: [{ batchId: 0 }, { batchId: 1 }, { batchId: 2 }] });
    expect(calls['finish-run']).toEqual([{ run, stopReason: null, failure: null }]);
  });

  test('where even that last call fails, the run goes on all the same', async () => {
    const { result, calls } = await execute(run, { ...allIsWell, 'summarize-batch': failing('Lambda.Unknown') }, objects);
    expect(result.status).toBe('SUCCEEDED');
    expect(calls['write-tables']).toHaveLength(2);
  });

  test.each(errors)('where write-tables ends with %s, finish-run learns that the map failed', async (name) => {
    const { calls } = await execute(run, { ...allIsWell, 'write-tables': failing(name) }, objects);
    expect(calls['finish-run']).toEqual([{ run, stopReason: null, failure: 'States.ExceedToleratedFailureThreshold' }]);
  });

  test.each(['batches.jsonl', 'parts.jsonl'] as const)(
    'where %s is gone, finish-run learns that a map could not read it',
    async (missing) => {
      const { [missing]: _, ...left } = objects;
      const { calls } = await execute(run, allIsWell, left);
      expect(calls['finish-run']).toEqual([{ run, stopReason: null, failure: 'States.ItemReaderFailed' }]);
    },
  );

  test.each(errors)('where finish-run ends with %s, the execution fails, for the rule on ended executions', async (name) => {
    const { result } = await execute(run, { ...allIsWell, 'finish-run': failing(name) }, objects);
    expect(result).toMatchObject({ status: 'FAILED', error: name });
  });
});

/** Names that Step Functions and Lambda give to errors. Sources: Step Functions developer guide, "Error names"; Lambda, "Errors in Lambda". */
const serviceErrors = new Set(['States.ALL', 'States.ItemReaderFailed', 'States.ResultWriterFailed']);

test('every Retry and Catch names errors that exist', () => {
  const named: string[] = [];
  JSON.stringify(definition, (key, value) => {
    if (key === 'ErrorEquals') named.push(...(value as string[]));
    return value;
  });
  expect(named.length).toBeGreaterThan(10);
  const known = new Set<string>([...serviceErrors, ...Object.values(errorNames)]);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});

/** A run whose input is as large as it can be: the longest key, and settings that are just not too long. */
function largestRun(): Run {
  const largest = (characters: number): Partial<Settings> => ({
    instruction: '\u0001'.repeat(Math.min(characters, 10_000)),
    textColumn: '€'.repeat(Math.max(1, characters - 10_000)),
  });
  let characters = 1;
  for (let step = 16_384; step >= 1; step = Math.floor(step / 2)) {
    try {
      resolveSettings([{ origin: 'test', values: largest(characters + step) }]);
      characters += step;
    } catch {
      // Too long by now.
    }
  }
  const settings = { ...defaultSettings, ...largest(characters) };
  const key = `${'d'.repeat(512)}/${'k'.repeat(511)}`;
  return sampleRun({
    dataset: 'd'.repeat(512),
    settings,
    source: { bucket: 'b'.repeat(63), key, versionId: 'v'.repeat(1_024), bytes: 2 ** 40, parts: 5_000 },
  });
}

test('with the longest settings and keys nothing over 256 KiB passes between states, and every function has its full share of batches', async () => {
  const large = largestRun();
  expect(Buffer.byteLength(JSON.stringify(large.settings))).toBeGreaterThan(MAX_SETTINGS_BYTES * 0.95);
  const id = 'x'.repeat(57);
  const lines = Array.from({ length: 100 }, (_, index) =>
    batch(2 ** 40 + index, {
      groupKey: '"'.repeat(500),
      parent: { level: 5, batchId: 2 ** 40 },
      partKey: `runs/${id}/level-0/parts/999999.jsonl`,
      start: 2 ** 40,
      end: 2 ** 41,
      firstRow: 2 ** 40,
      tokensEstimate: 2 ** 30,
    }),
  );
  const plan: Behaviour['plan-batches'] = (_, call) => planned(large, call === 0 ? {} : { next: 'write', level: 1 });
  const wait = ({ batches }: { batches: Batch[] }, call: number) =>
    call < 4 ? { waitSeconds: 60, remaining: batches } : { waitSeconds: 0, remaining: [] };
  const { result, calls } = await execute(
    large,
    { ...allIsWell, 'plan-batches': plan, 'summarize-batch': wait as never },
    { ...objects, 'batches.jsonl': jsonLines(lines) },
  );
  expect(result).toMatchObject({ status: 'SUCCEEDED' });
  expect(calls['summarize-batch'].map((payload) => (payload as { batches: Batch[] }).batches.length)).toEqual(
    Array(8).fill(MAX_BATCHES_PER_FUNCTION),
  );
});
