import { describe, expect, test } from '@jest/globals';
import { flagLine, parseBenchArguments } from '../../bench/bench-arguments.ts';
import { median } from '../../bench/contenders.ts';
import { cellOf, medianTold, mostTold, verdictOnGoal } from '../../bench/figures.ts';
import { isOutOfMemory } from '../../bench/grouping/out-of-memory.ts';
import { selfTimes } from '../../bench/instant/cpu-profile.ts';
import { PhaseClock } from '../../bench/instant/phases.ts';
import { boundSeconds, callsWithin, overheadPercent } from '../../bench/limit/lower-bound.ts';
import { comparable, dateOfBefore, withBefore } from '../../bench/quick/before-after.ts';
import { computedSeconds, isComputed, ONCE_SECONDS, timesOf } from '../../bench/spark/schedule.ts';
import { stateNames } from '../../infra/workflow.ts';

test('the median of an even number is between the middle two', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([7])]).toEqual([2, 2.5, 7]);
});

describe('the least time of N calls', () => {
  test('is N * L / C; calls come in whole waves, as many as fill the time or as there may be', () => {
    expect(callsWithin({ seconds: 10, latencyMs: 500, concurrency: 16, mostCalls: 8_000 })).toBe(320);
    expect(callsWithin({ seconds: 10, latencyMs: 100, concurrency: 400, mostCalls: 8_000 })).toBe(8_000);
    expect(callsWithin({ seconds: 1, latencyMs: 2_000, concurrency: 400, mostCalls: 100 })).toBe(400);
    expect(boundSeconds({ calls: 320, latencyMs: 500, concurrency: 16 })).toBe(10);
    expect(overheadPercent(10.5, 10)).toBeCloseTo(5);
  });

  test('decides how often a cell of the Spark benchmark is measured, and what stands for one that is not', () => {
    const cell = (calls: number, latencyMs: number) => timesOf({ calls, latencyMs, concurrency: 2 }, 3);
    expect([cell(100, 0), cell(100, 100), cell(100, 2_000), cell(1_000, 2_000)]).toEqual([3, 3, 1, 0]);
    expect(cell(1_000, 2 * ONCE_SECONDS)).toBe(1);
    const loads = [2_000, 2 * ONCE_SECONDS].map((latencyMs) => ({ calls: 1_000, latencyMs, concurrency: 2 }));
    expect(loads.map(isComputed)).toEqual([true, false]);
    expect(computedSeconds({ calls: 1_000, latencyMs: 2_000, concurrency: 2 }, 12)).toBe(1_012);
  });
});

test('a profile is told by self time, without what was waited, places named by package or file', () => {
  const node = (id: number, functionName: string, url: string) => ({ id, callFrame: { functionName, url, lineNumber: 1 } });
  const nodes = [
    node(1, '(idle)', ''),
    node(2, 'parse', 'file:///x/node_modules/csv-parse/lib/index.js'),
    node(3, '', 'file:///x/functions/shared/step.ts'),
    node(4, 'sign', 'file:///x/node_modules/a/node_modules/@aws-sdk/core/index.js'),
    node(5, '(garbage collector)', ''),
    node(6, 'open', ''),
  ];
  const profile = { nodes, samples: [1, 2, 2, 3, 4, 5, 6], timeDeltas: [9e6, 2e6, 2e6, 3e6, 1e6, 5e5, 1.5e6] };
  expect(selfTimes(profile, 5)).toEqual([
    { function: 'parse (csv-parse)', seconds: 4, percent: 40 },
    { function: 'anonymous (functions/shared/step.ts)', seconds: 3, percent: 30 },
    { function: 'open (native)', seconds: 1.5, percent: 15 },
    { function: 'sign (@aws-sdk/core)', seconds: 1, percent: 10 },
    { function: '(garbage collector)', seconds: 0.5, percent: 5 },
  ]);
});

test('the phases of a run add up to its time; states of children turn nothing', () => {
  const clock = new PhaseClock(0);
  const enter = (state: string, seconds: number, depth: 'parent' | 'child' = 'parent') =>
    clock.saw({ type: 'entered', state, depth }, seconds * 1000);
  enter(stateNames.plan, 1);
  enter(stateNames.summarizeAll, 3);
  enter(stateNames.summarize, 4, 'child');
  enter(stateNames.plan, 8);
  enter(stateNames.writeAll, 9);
  enter(stateNames.finish, 11);
  clock.saw({ type: 'exited', state: stateNames.finish, depth: 'parent' }, 12_000);
  expect(clock.ended(12_500)).toEqual({ begin: 1, plan: 3, calls: 5, write: 2, finish: 1, end: 0.5 });
});

describe('before and after', () => {
  const sizes = { rows: 10 };
  const plan = { what: 'plan', value: 2, unit: 's' };
  const last = { date: '2026-11-26', machine: 'this', results: { sizes, figures: [plan, { what: 'overhead', value: 4, unit: '%' }] } };

  test('are told as a ratio, percents as their difference; what was not there before has none', () => {
    const now = [
      { what: 'plan', value: 1, unit: 's' },
      { what: 'overhead', value: 1.5, unit: '%' },
      { what: 'new', value: 150.4, unit: 'MiB' },
    ];
    expect(withBefore(now, last)).toEqual([
      { figure: 'plan', unit: 's', before: '2.00', now: '1.00', 'now / before': '0.50' },
      { figure: 'overhead', unit: '%', before: '4.00', now: '1.50', 'now / before': '-2.5' },
      { figure: 'new', unit: 'MiB', before: '', now: '150', 'now / before': '' },
    ]);
    expect(dateOfBefore(last)).toBe('"before" is of 2026-11-26.');
  });

  test('of other sizes or another machine are not set beside each other', () => {
    expect(comparable(last, 'this', { rows: 10 })).toBe(last);
    expect(comparable(last, 'this', { rows: 20 })).toBeUndefined();
    expect(comparable(last, 'another', sizes)).toBeUndefined();
    expect(comparable(undefined, 'this', sizes)).toBeUndefined();
    expect(withBefore([plan], undefined)).toEqual([{ figure: 'plan', unit: 's', before: '', now: '2.00', 'now / before': '' }]);
    expect(dateOfBefore(undefined)).toBe('Nothing of before is of this machine and these sizes.');
  });
});

test('figures that a machine does not tell have no most and no median, and leave their cell empty', () => {
  expect([mostTold([1, 3, 2]), medianTold([1, 3, 2])]).toEqual([3, 2]);
  expect([mostTold([1, null]), medianTold([1, null]), mostTold([]), medianTold([])]).toEqual([null, null, null, null]);
  expect([cellOf(2.34, (value) => value.toFixed(1)), cellOf(null, (value) => value.toFixed(1))]).toEqual(['2.3', '']);
});

test('a goal is met, or missed by what is more than the goal', () => {
  expect([verdictOnGoal(1.5, 1.5), verdictOnGoal(1.62, 1.5)]).toEqual(['met', 'missed by 0.12']);
  expect([verdictOnGoal(1.1, 1, 1.1), verdictOnGoal(1.25, 1, 1.1)]).toEqual(['met', 'missed by 0.25']);
});

test('only want of memory counts as such', () => {
  expect(isOutOfMemory(new Error('Out of Memory Error: failed to pin block of size 256.0 KiB (320.0 MiB/320.0 MiB used)'))).toBe(true);
  expect(isOutOfMemory(new Error('IO Error: No files found that match the pattern "groups.csv"'))).toBe(false);
});

describe('the arguments of a benchmark', () => {
  const defaults = { rows: [1_000, 2_000], mostRows: 5 };
  const parse = (...args: string[]) => parseBenchArguments(defaults, args);

  test('are its sizes, as they are without a word, and the folder of the results', () => {
    expect(parse()).toEqual({ sizes: defaults, resultsFolder: undefined, isWhole: true });
    expect(parse('--rows', '10,20,30', '--results', 'here')).toEqual({
      ...{ sizes: { rows: [10, 20, 30], mostRows: 5 }, resultsFolder: 'here', isWhole: false },
    });
    expect(parse('--most-rows', '7').sizes.mostRows).toBe(7);
    expect(flagLine(defaults)).toBe('--rows 1000,2000 --most-rows 5 --results DIR');
  });

  test('that are wrong are told in one sentence', () => {
    expect(() => parse('--row', '1')).toThrow('There is no --row; the flags are: --rows 1000,2000 --most-rows 5 --results DIR.');
    expect(() => parse('--rows')).toThrow('--rows needs a value.');
    expect(() => parse('--rows', 'many')).toThrow('--rows takes whole numbers separated by commas, not "many".');
    expect(() => parse('--most-rows', '1,2')).toThrow('--most-rows takes a whole number, not "1,2".');
    expect(() => parse('--rows', '-1')).toThrow('--rows takes whole numbers');
  });

  test('are at least 1, but for latencies and a seed', () => {
    expect(() => parse('--rows', '10,0')).toThrow('--rows takes nothing below 1, not "10,0".');
    expect(() => parse('--most-rows', '0')).toThrow('--most-rows takes nothing below 1, not "0".');
    const args = ['--latency-ms', '0,5', '--kill-latency-ms', '0', '--seed', '0'];
    const { sizes } = parseBenchArguments({ latencyMs: [1], killLatencyMs: 1, seed: 1 }, args);
    expect(sizes).toEqual({ latencyMs: [0, 5], killLatencyMs: 0, seed: 0 });
  });
});
