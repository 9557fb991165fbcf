import { describe, expect, test } from '@jest/globals';
import { AnswerAccount } from '../../bench/model/answer-account.ts';
import { faultKinds, faultPlan } from '../../bench/model/fault-plan.ts';

describe('the faults of the model', () => {
  const met = (period: number, seed: number, requests: number) =>
    Array.from({ length: requests }, (_, index) => faultPlan(period, seed)(index));

  test('are one in every so many requests, the kinds in turn', () => {
    const faults = met(20, 1, 200);
    for (let block = 0; block < 10; block++) expect(faults.slice(block * 20, block * 20 + 20).filter(Boolean)).toHaveLength(1);
    expect(faults.filter(Boolean)).toEqual([...faultKinds, ...faultKinds]);
  });

  test('come at places that the seed decides, the same each time', () => {
    expect(met(20, 1, 200)).toEqual(met(20, 1, 200));
    expect(met(20, 1, 200)).not.toEqual(met(20, 2, 200));
    expect(new Set(met(20, 1, 400).flatMap((fault, index) => (fault ? [index % 20] : []))).size).toBeGreaterThan(5);
  });
});

describe('the account of the model', () => {
  test('counts an answer to what was answered before as paid twice, a refusal as nothing', () => {
    const account = new AnswerAccount();
    for (const key of ['one', 'two', 'one', 'one']) {
      account.arrived(1_000);
      account.answered(key, 3_500);
      account.left();
    }
    account.arrived(4_000);
    account.struck('500');
    account.left();
    expect(account.stats()).toEqual({
      ...{ requests: 5, answers: 4, paidTwice: 2, faults: { 500: 1 } },
      ...{ inFlight: 0, mostInFlight: 1, seconds: 2.5 },
    });
  });

  test('knows how many wait, and no time before the first answer', () => {
    const account = new AnswerAccount();
    for (const now of [10, 20, 30]) account.arrived(now);
    account.left();
    expect(account.stats()).toMatchObject({ inFlight: 2, mostInFlight: 3, seconds: 0 });
  });
});
