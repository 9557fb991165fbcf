import { expect, test } from '@jest/globals';
import { parsePss, parseStat } from '../../bench/processes/process-tree.ts';
import { javaVersionOf, pinnedVersions } from '../../bench/spark/environment.ts';

test('the stat of a process is read behind its name, which may hold anything', () => {
  const fields = ['S', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 150, 50, 0, 0, 20, 0, 1, 0, 987_654, 0];
  expect(parseStat(`42 (a ) b (c) ${fields.join(' ')}`)).toEqual({ cpuSeconds: 2, startTicks: 987_654 });
});

test('memory is the proportional share, none where the process has gone', () => {
  expect(parsePss('Rss:    4096 kB\nPss:    2048 kB\nPss_Dirty:  1024 kB\n')).toBe(2);
  expect(parsePss('')).toBe(0);
});

test('the version of Java is its main one, also of the old ones', () => {
  expect(javaVersionOf('openjdk version "17.0.15" 2025-04-15')).toBe(17);
  expect(javaVersionOf('java version "1.8.0_392"')).toBe(8);
  expect(javaVersionOf('openjdk version "21" 2023-09-19')).toBe(21);
  expect(javaVersionOf('command not found')).toBeUndefined();
});

test('the versions that are told are those of the requirements', () => {
  expect(pinnedVersions('pyspark==4.3.0\n# a comment\nopenai==3.57.0\n')).toEqual({ pyspark: '4.3.0', openai: '3.57.0' });
});
