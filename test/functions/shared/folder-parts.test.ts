import { expect, test } from '@jest/globals';
import { isPartFile, pinParts, readParts, versionOfParts } from '../../../functions/shared/folder-parts.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';

test.each([
  ['part-00000.csv', true],
  ['part-00000', true],
  ['data_0.parquet', true],
  ['dt=2026-01-01/part-0.csv', true],
  ['_dt=2026-01-01/part-0.csv', true],
  ['_SUCCESS', false],
  ['_metadata', false],
  ['_SUCCESS.crc', false],
  ['part-0.csv.crc', false],
  ['.part-0.csv.crc', false],
  ['.DS_Store', false],
  ['a/.DS_Store', false],
  ['_temporary/0/part-0.csv', false],
  ['_delta_log/0.json', false],
  ['.git/config', false],
  ['a/', false],
])('%s is a part file: %p', (key, isPart) => {
  expect(isPartFile(key)).toBe(isPart);
});

const parts = [
  { key: 'a.csv', versionId: 'v1', bytes: 5 },
  { key: 'b\n.csv', versionId: 'v2', bytes: 6 },
];

test('a folder has another version when a part is another, is called otherwise or is gone', () => {
  const [a, b] = parts as [(typeof parts)[0], (typeof parts)[0]];
  const versions = [parts, [a], [b, a], [a, { ...b, versionId: 'v3' }], [a, { ...b, key: 'c.csv' }], []].map(versionOfParts);
  expect(new Set(versions).size).toBe(versions.length);
  expect(versionOfParts(structuredClone(parts))).toBe(versions[0]);
});

test('the parts that were pinned first stand', async () => {
  const work = new MemoryStore('work');
  expect(await readParts(work, 'run')).toBeUndefined();
  expect(await pinParts(work, 'run', parts)).toEqual(parts);
  expect(await pinParts(work, 'run', [])).toEqual(parts);
  expect(await readParts(work, 'run')).toEqual(parts);
  expect(await pinParts(work, 'empty', [])).toEqual([]);
  expect(await readParts(work, 'empty')).toEqual([]);
});
