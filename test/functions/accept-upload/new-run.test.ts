import { describe, expect, test } from '@jest/globals';
import { newRun, runIdOf } from '../../../functions/accept-upload/new-run.ts';
import { runSchema } from '../../../functions/shared/contract.ts';
import { EXECUTION_NAME_CHARACTERS } from '../../../functions/shared/limits.ts';
import { defaultSettings } from '../../../functions/shared/settings.ts';

const source = { bucket: 'input', key: 'support/july.csv', versionId: 'v1', bytes: 1_000 };
const upload = { source, dataset: 'support', endpoint: 'https://api.openai.com/v1', limit: null };
const layer = (values: Record<string, unknown>) => [{ origin: 'test', values }];
const runIdWith = (changes: object, values: Record<string, unknown> = {}) => newRun({ ...upload, ...changes }, layer(values)).runId;

describe('the run id', () => {
  test('is the same for the same upload, today and in the next version', () => {
    // A change of this value makes new runs, and new costs, of everything that is dropped again.
    expect(runIdWith({})).toBe('july-0cdceae8042982b5');
    expect(runIdWith({}, { batchRows: 50, model: 'm' })).toBe(runIdWith({}, { model: 'm', batchRows: 50 }));
  });

  test.each([
    ['bucket', { source: { ...source, bucket: 'other' } }],
    ['key', { source: { ...source, key: 'sales/july.csv' } }],
    ['version', { source: { ...source, versionId: 'v2' } }],
    ['endpoint', { endpoint: 'offline' }],
    ['limit', { limit: 100 }],
  ])('is another for another %s', (_, changes) => {
    expect(runIdWith(changes)).not.toBe(runIdWith({}));
  });

  test.each([
    ['batchRows', 50],
    ['batchRows', 100],
    ['textColumn', 'review'],
    ['idColumn', 'id'],
    ['maxBatchTokens', 5_000],
    ['maxRowCharacters', 10],
    ['model', 'gpt-5.4-mini'],
    ['serviceTier', 'flex'],
    ['instruction', 'count'],
    ['temperature', 0],
    ['maxOutputTokens', 99],
  ])('is another where %s is named: %p', (name, value) => {
    expect(runIdWith({}, { [name]: value })).not.toBe(runIdWith({}));
  });

  test.each([
    ['maxCostUsd', 5],
    ['toleratedFailurePercentage', 5],
    ['requestsPerMinute', null],
    ['tokensPerMinute', null],
  ])('is the same whatever %s is', (name, value) => {
    expect(runIdWith({}, { [name]: value })).toBe(runIdWith({}));
  });

  test('does not take one part for another', () => {
    const one = { ...upload, source: { ...source, bucket: 'a', key: 'b/c.csv' }, explicit: {} };
    expect(runIdOf(one)).not.toBe(runIdOf({ ...one, source: { ...source, bucket: 'a/b', key: 'c.csv' } }));
    expect(runIdOf({ ...one, explicit: '' })).not.toBe(runIdOf(one));
  });

  test.each([
    ['support/2026/july.csv', 'july'],
    ['Réclamations Été 2026 (final).csv', 'reclamations-ete-2026-final'],
    ['a+b%20c.jsonl', 'a-b-20c'],
    ['評価.csv', 'upload'],
    ['.csv', 'upload'],
    ['archive.tar.gz', 'archive-tar'],
    ['no-extension', 'no-extension'],
    ['x'.repeat(100), 'x'.repeat(40)],
    [`${'x'.repeat(39)} y.csv`, 'x'.repeat(39)],
  ])('of %s begins with %s', (key, slug) => {
    expect(runIdWith({ source: { ...source, key } })).toMatch(new RegExp(`^${slug}-[0-9a-f]{16}$`));
  });

  test('leaves room in an execution name for any attempt', () => {
    const runId = runIdWith({ source: { ...source, key: `${'long name '.repeat(20)}.csv` } });
    const name = `${runId}-${Number.MAX_SAFE_INTEGER}`;
    expect(name.length).toBeLessThanOrEqual(EXECUTION_NAME_CHARACTERS);
    expect(name).toMatch(/^[A-Za-z0-9_-]+$/);
  });
});

test('a run is its first attempt, with the settings resolved', () => {
  const run = newRun({ ...upload, limit: 5 }, layer({ batchRows: 50, maxCostUsd: 2 }));
  expect(run).toEqual({
    ...upload,
    limit: 5,
    runId: run.runId,
    attempt: 1,
    settings: { ...defaultSettings, batchRows: 50, maxCostUsd: 2 },
  });
  expect(runSchema.parse(run)).toEqual(run);
});

describe('a cost cap', () => {
  test.each([
    ['a model whose price is unknown', { model: 'somebody-elses', maxCostUsd: 1 }, upload.endpoint],
    ['a cap of nothing', { model: 'somebody-elses', maxCostUsd: 0 }, upload.endpoint],
    ['a service tier whose price is unknown', { serviceTier: 'priority', maxCostUsd: 1 }, upload.endpoint],
  ])('cannot be kept for %s: the run is refused', (_, values, endpoint) => {
    expect(() => newRun({ ...upload, endpoint }, layer(values))).toThrow(
      expect.objectContaining({ name: 'ConfigError', code: 'unknown_price' }),
    );
    expect(() => newRun({ ...upload, endpoint }, layer(values))).toThrow('maxCostUsd');
  });

  test.each([
    ['a known model', { maxCostUsd: 1 }, upload.endpoint],
    ['no cap', { model: 'somebody-elses' }, upload.endpoint],
    ['the offline model, under any name and tier', { model: 'somebody-elses', serviceTier: 'priority', maxCostUsd: 1 }, 'offline'],
  ])('is no trouble with %s', (_, values, endpoint) => {
    expect(() => newRun({ ...upload, endpoint }, layer(values))).not.toThrow();
  });
});
