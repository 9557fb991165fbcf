import { expect, test } from '@jest/globals';
import {
  attemptClosedKey,
  attemptKey,
  datasetOf,
  outcomeKey,
  partKey,
  partManifestKey,
  partStateKey,
  planKey,
  receiptKey,
  refusalKey,
  rejectedKey,
  runPrefix,
  runRecordKey,
  runTablePrefix,
  settingsKeyOf,
  stagedTableKey,
  tableKey,
} from '../../../functions/shared/object-keys.ts';
import { RUN_ID } from '../../fakes/sample-run.ts';

test.each([
  ['july.csv', 'default', '_hundredfold.json'],
  ['support/july.csv', 'support', 'support/_hundredfold.json'],
  ['support/2026/july.csv', 'support', 'support/_hundredfold.json'],
  ['/july.csv', 'default', '_hundredfold.json'],
  ['Kunden Köln/a b+c.csv', 'Kunden Köln', 'Kunden Köln/_hundredfold.json'],
])('%s is of dataset %s with the settings of %s', (key, dataset, settingsKey) => {
  expect(datasetOf(key)).toBe(dataset);
  expect(settingsKeyOf(key)).toBe(settingsKey);
});

test('parts sort as their numbers do', () => {
  const keys = [0, 2, 10, 99, 100, 12_345].map((part) => partKey(RUN_ID, part));
  expect(keys.toSorted()).toEqual(keys);
});

test('no two objects of a run share a key, and all lie beneath its prefix', () => {
  const keys = [
    ...[
      attemptKey(RUN_ID, 1),
      attemptClosedKey(RUN_ID, 1),
      attemptKey(RUN_ID, 2),
      planKey(RUN_ID),
      refusalKey(RUN_ID),
      runRecordKey(RUN_ID),
    ],
    ...[0, 1].flatMap((part) => [
      partKey(RUN_ID, part),
      partManifestKey(RUN_ID, part),
      partStateKey(RUN_ID, part),
      rejectedKey(RUN_ID, part),
    ]),
    ...['000000', 'levels'].flatMap((part) => [receiptKey(RUN_ID, part), stagedTableKey(RUN_ID, 'row_summaries', part)]),
    ...[outcomeKey(RUN_ID, 0, 1), outcomeKey(RUN_ID, 1, 1), outcomeKey(RUN_ID, 0, 11)],
  ];
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.filter((key) => !key.startsWith(runPrefix(RUN_ID)))).toEqual([]);
});

test('the files of a run in a table start with its prefix, in the partition of its date', () => {
  expect(tableKey('runs', '2026-11-23', 'july-1', '000000')).toBe('tables/runs/dt=2026-11-23/july-1-000000.parquet');
  expect(tableKey('runs', '2026-11-23', 'july-1', '000000')).toContain(runTablePrefix('runs', '2026-11-23', 'july-1'));
  expect(tableKey('runs', '2026-11-23', 'july-12', '000000')).not.toContain(runTablePrefix('runs', '2026-11-23', 'july-1'));
});
