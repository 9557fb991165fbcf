import { expect, test } from '@jest/globals';
import { Pace } from '../../../local/pace.ts';

/** Batches that each took a call of two seconds, two calls at once: one batch a second. */
function paceOf(batches: number): { pace: Pace; now: number } {
  const pace = new Pace();
  let now = 1_000_000;
  pace.callBegan(now);
  for (let batch = 0; batch < batches; batch += 2) {
    now += 2_000;
    for (const _ of [1, 2]) {
      pace.callEnded(2_000);
      pace.batchWorked(now);
    }
  }
  return { pace, now };
}

test('nothing is promised before the first batch that took a call', () => {
  const pace = new Pace();
  expect(pace.secondsLeft(100, [1], 5_000)).toBeNull();
  pace.callBegan(5_000);
  expect(pace.secondsLeft(100, [1], 9_000)).toBeNull();
});

test('the rest of the level at the rate so far, then a call for each level of few batches', () => {
  const { pace, now } = paceOf(10);
  expect(pace.secondsLeft(90, [], now)).toBeCloseTo(90);
  expect(pace.secondsLeft(90, [1, 1], now)).toBeCloseTo(90 + 2 + 2);
  expect(pace.secondsLeft(90, [20, 1], now)).toBeCloseTo(90 + 20 + 2);
  expect(pace.secondsLeft(0, [1], now)).toBeCloseTo(2);
});

test('between two answers nothing slows down; without any answer for longer, the time grows', () => {
  const { pace, now } = paceOf(10);
  expect(pace.secondsLeft(90, [], now + 1_900)).toBeCloseTo(90);
  expect(pace.secondsLeft(90, [], now + 12_000)).toBeCloseTo(180);
});

test('the root alone: one call, less what it has taken already', () => {
  const { pace, now } = paceOf(10);
  pace.levelEnded();
  pace.callBegan(now + 100);
  expect(pace.secondsLeft(1, [], now + 600)).toBeCloseTo(1.5);
});

test('an endpoint that has become ten times slower is believed after a minute', () => {
  const { pace, now } = paceOf(100);
  let later = now;
  for (let batch = 0; batch < 12; batch++) {
    later += 10_000;
    pace.callEnded(10_000);
    pace.batchWorked(later);
  }
  const seconds = pace.secondsLeft(10, [], later) ?? 0;
  expect(seconds).toBeGreaterThan(90);
  expect(seconds).toBeLessThan(110);
});
