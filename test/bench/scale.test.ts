import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { pricesSchema } from '../../bench/costs/cost-page.ts';
import type { Counts } from '../../bench/costs/counted-run.ts';
import { type Check, isWithin, S3_REQUEST_SECONDS, s3Seconds, secondsInLambda, verdictOf } from '../../bench/scale/checks.ts';
import { batchesOfLevels, countsAt, ofLongerTexts, sharesOf } from '../../bench/scale/counts-at.ts';
import { predictionsOf, stepSecondsAt, type Units } from '../../bench/scale/predictions.ts';
import { checksOf } from '../../bench/scale/steps.ts';

const file = (path: string) => JSON.parse(readFileSync(new URL(`../../bench/${path}`, import.meta.url), 'utf8')) as unknown;
const counted = file('results/costs.json') as Counts;
const prices = pricesSchema.parse(file('prices.json'));

describe('a verdict', () => {
  const check: Check = { step: 'write', measured: '', units: '', predicted: 225, limit: 900, unit: 's', bound: '15 minutes' };

  test('says what part of the limit is taken, or by how much it is missed', () => {
    expect(verdictOf(check)).toBe('within, 25 %');
    expect(verdictOf({ ...check, predicted: 1_350 })).toBe('missed, 1.5 times the limit');
    expect([900, 901].map((predicted) => isWithin({ ...check, predicted }))).toEqual([true, false]);
  });

  test('takes a share of a core below 1,769 MB, and requests of S3 side by side', () => {
    expect(secondsInLambda(10, 512)).toBeCloseTo(34.55);
    expect(secondsInLambda(10, 2_048)).toBe(10);
    expect(s3Seconds(640, 64)).toBeCloseTo(10 * S3_REQUEST_SECONDS);
  });
});

describe('counts of another size', () => {
  test('are those that were counted where the size is that of the counted run', () => {
    expect(countsAt(counted.rows, counted)).toEqual(counted);
  });

  test('give a function 25 batches of a large run, ten of a smaller and one of a tiny', () => {
    expect(batchesOfLevels(100_000_000)).toEqual([1_000_000, 10_000, 100, 1]);
    // 1,000,000 / 25, 10,000 / 10, 100 / 10, and the root.
    expect(countsAt(100_000_000, counted).invocations['summarize-batch']).toBe(40_000 + 1_000 + 10 + 1);
    expect(countsAt(10_000, counted).invocations['summarize-batch']).toBe(10 + 1);
    expect(countsAt(9_900, counted).invocations['summarize-batch']).toBe(99 + 1);
  });

  test('have two states more for each further call that stages rows', () => {
    expect(countsAt(1_000_000, counted, 3).transitions - countsAt(1_000_000, counted).transitions).toBe(4);
  });
});

test('shares are of what the model costs, and the whole is the sum of the services', () => {
  const { modelUsd, services, all } = sharesOf(countsAt(1_000_000, counted), prices);
  const usd = services.reduce((sum, share) => sum + share.usd, 0);
  expect(all.usd).toBeCloseTo(usd);
  expect(all.percent).toBeCloseTo((100 * usd) / modelUsd);
  expect(sharesOf(ofLongerTexts(countsAt(1_000_000, counted)), prices).all.percent).toBeLessThan(all.percent);
});

describe('the steps of a run', () => {
  const measured = { seconds: 10, residentMb: 200 };
  const units: Units = {
    run: { rows: 100_000_000, parts: 1_000, batches: 1_000_000, folds: 10_101, levels: 4 },
    stage: { parts: 2, secondsPerPart: 0.5, residentMb: 200 },
    join: { ...measured, manifestBytes: 250_000_000 },
    children: { count: 40_000, inputBytes: 8_192, engineSeconds: 40, engineMb: 200 },
    ...{ part: measured, levels: measured, finish: measured, groupedLedger: measured },
    outcome: { seconds: 0.0001 },
    groupSum: { seconds: 0.00001 },
    ...{ controlWritesPerCall: 4, secondsPerCall: 3 },
    memoryMb: { 'plan-batches': 2_048, 'write-tables': 2_048, 'finish-run': 1_024 },
    runTimeoutSeconds: 604_800,
  };
  const predictedOf = (step: string, of: Units = units) => checksOf(of).find((check) => check.step === step)?.predicted;

  test('take what was measured, times their number, and their requests of S3', () => {
    expect(predictedOf('stage a part')).toBeCloseTo(0.5 + 5 * 0.1);
    expect(predictedOf('stage all rows')).toBeCloseTo(1_000);
    // Two that stage, and one that joins.
    expect(predictionsOf(units).planCalls).toBe(3);
    expect(predictedOf('start the children')).toBe(400);
    expect(predictedOf('join the manifest, plan the levels')).toBeCloseTo(10 + (2_000 * 0.1) / 8);
    expect(predictedOf('the same in the call that stages the last part')).toBeCloseTo(10 / 20 + (100 * 0.1) / 8);
    expect(predictedOf('manifest')).toBeCloseTo(0.25);
  });

  test('are billed by their parts, and otherwise by their share of the measured run', () => {
    const whole = stepSecondsAt(100_000_000, units);
    const { partWritten, levelsWritten, finished } = predictionsOf(units);
    expect(whole.write).toBeCloseTo(1_000 * partWritten + levelsWritten);
    expect(whole.finish).toBeCloseTo(finished);
    expect(stepSecondsAt(1_000_000, units).write).toBeCloseTo(whole.write / 100);
    // However few its rows are, a run has a part.
    expect(stepSecondsAt(10, units).write).toBeGreaterThan(partWritten);
  });

  test('read no more outcomes than finish-run does, for what a run has paid', () => {
    const step = 'finish-run, what a run has paid that failed before its tables';
    const core = 1_769 / 1_024;
    expect(predictedOf(step)).toBeCloseTo(100_000 * 0.0001 * core + 100 * 0.1 + (100_000 * 0.1) / 64);
  });

  test('are slower with less memory, and missed where they are beyond their limit', () => {
    const poor = { ...units, memoryMb: { ...units.memoryMb, 'finish-run': 256 }, finish: { seconds: 200, residentMb: 300 } };
    const ofFinish = checksOf(poor).filter(({ step }) => step === 'finish-run');
    expect(ofFinish.map(isWithin)).toEqual([false, false]);
    expect(predictedOf('finish-run', poor)).toBeGreaterThan((predictedOf('finish-run') as number) + 1_000);
  });
});
