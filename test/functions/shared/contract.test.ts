import { describe, expect, test } from '@jest/globals';
import { runSchema, stepContracts, summarizeBatchInput } from '../../../functions/shared/contract.ts';
import { sampleRun } from '../../fakes/sample-run.ts';

const run = sampleRun();
const batch = {
  ...{ batchId: 0, level: 0, groupKey: null, partKey: 'part', start: 0, end: 10, firstRow: 0, rows: 1, tokensEstimate: 2, parent: null },
};
const plan = {
  ...{ run, next: 'summarize', level: 0, continueWithPart: null, batchesPerFunction: 1, maxConcurrency: 1, stopReason: null },
  manifest: { bucket: 'work', key: 'manifest' },
  parts: { bucket: 'work', key: 'parts' },
};

test('the input of an execution survives the schema byte for byte', () => {
  expect(JSON.stringify(runSchema.parse(JSON.parse(JSON.stringify(run))))).toBe(JSON.stringify(run));
});

describe('a payload is refused', () => {
  const input = { run, batches: [batch], retryCount: 0, hasWaited: false, failure: null };
  test.each([
    ['an attempt before the first', { ...input, run: { ...run, attempt: 0 } }],
    ['a run without one of its settings', { ...input, run: { ...run, settings: { ...run.settings, model: undefined } } }],
    ['a run with a setting of another version', { ...input, run: { ...run, settings: { ...run.settings, colour: 'red' } } }],
    ['a negative limit', { ...input, run: { ...run, limit: -1 } }],
    ['no batch', { ...input, batches: [] }],
    ['a batch without rows', { ...input, batches: [{ ...batch, rows: 0 }] }],
    ['half a byte', { ...input, batches: [{ ...batch, end: 9.5 }] }],
    ['a count as text', { ...input, retryCount: '0' }],
    ['a field left out instead of null', { run, batches: [batch], retryCount: 0, hasWaited: false }],
  ])('with %s', (_, payload) => {
    expect(summarizeBatchInput.safeParse(input).success).toBe(true);
    expect(summarizeBatchInput.safeParse(payload).success).toBe(false);
  });
});

test.each([
  ['next', 'end'],
  ['batchesPerFunction', 0],
  ['maxConcurrency', 0],
  ['level', -1],
  ['stopReason', undefined],
])('a plan whose %s is %p is refused', (name, value) => {
  const { output } = stepContracts['plan-batches'];
  expect(output.safeParse(plan).success).toBe(true);
  expect(output.safeParse({ ...plan, [name]: value }).success).toBe(false);
});
