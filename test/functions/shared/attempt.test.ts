import { expect, test } from '@jest/globals';
import {
  claimAttempt,
  closeAttempt,
  latestAttempt,
  readAttempt,
  readClosedAttempt,
  runOfClaim,
} from '../../../functions/shared/attempt.ts';
import { attemptClosedKey, attemptKey } from '../../../functions/shared/object-keys.ts';
import { defaultSettings } from '../../../functions/shared/settings.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { ACCEPTED_AT, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';

const claimOf = (owner: string, attempt = 1) => ({ attempt, owner, acceptedAt: ACCEPTED_AT, settings: defaultSettings });

test('of many who claim an attempt at once, one has it and all hear who', async () => {
  const work = new MemoryStore('work');
  const claims = await Promise.all(['a', 'b', 'c', 'd'].map((owner) => claimAttempt(work, RUN_ID, claimOf(owner))));
  expect(claims.filter(({ isOurs }) => isOurs)).toHaveLength(1);
  const { owner } = claims.find(({ isOurs }) => isOurs)!.claim;
  expect(claims.map(({ claim }) => claim.owner)).toEqual([owner, owner, owner, owner]);
  expect(await readAttempt(work, RUN_ID, 1)).toEqual(claimOf(owner));
});

test('a claim repeated by its owner is still its own, as it was first written', async () => {
  const work = new MemoryStore('work');
  await claimAttempt(work, RUN_ID, claimOf('execution'));
  const later = { ...claimOf('execution'), acceptedAt: '2026-12-01T00:00:00.000Z', settings: { ...defaultSettings, maxCostUsd: 5 } };
  expect(await claimAttempt(work, RUN_ID, later)).toEqual({ claim: claimOf('execution'), isOurs: true, isNew: false });
});

test('of two who claim for the same execution, each under a name of its own, one has it; repeating the claim keeps it', async () => {
  const work = new MemoryStore('work');
  const one = { ...claimOf('execution', 2), claimant: 'one' };
  expect(await claimAttempt(work, RUN_ID, one)).toMatchObject({ isOurs: true, isNew: true });
  expect(await claimAttempt(work, RUN_ID, { ...one, claimant: 'other' })).toEqual({ claim: one, isOurs: false, isNew: false });
  expect(await claimAttempt(work, RUN_ID, one)).toMatchObject({ isOurs: true, isNew: false });
});

test('a claim holds the input of its execution, the same bytes whatever order its fields had; that of an older version does not', async () => {
  const work = new MemoryStore('work');
  const run = sampleRun({ attempt: 2, source: { bucket: 'input', key: 'july/', versionId: 'v1', bytes: 9, parts: 3 } });
  const { settings, source, ...rest } = run;
  await claimAttempt(work, RUN_ID, { owner: 'execution', settings, acceptedAt: ACCEPTED_AT, source, claimant: 'one', ...rest });
  expect(JSON.stringify(runOfClaim((await readAttempt(work, RUN_ID, 2))!))).toBe(JSON.stringify(run));
  await claimAttempt(work, RUN_ID, claimOf('execution', 3));
  expect(runOfClaim((await readAttempt(work, RUN_ID, 3))!)).toBeUndefined();
});

test('an attempt ends once: the first record stands', async () => {
  const work = new MemoryStore('work');
  expect(await readClosedAttempt(work, RUN_ID, 1)).toBeUndefined();
  await closeAttempt(work, RUN_ID, 1, { status: 'aborted', closedAt: ACCEPTED_AT });
  await closeAttempt(work, RUN_ID, 1, { status: 'complete', closedAt: ACCEPTED_AT });
  expect(await readClosedAttempt(work, RUN_ID, 1)).toEqual({ status: 'aborted', closedAt: ACCEPTED_AT });
  expect(await readClosedAttempt(work, RUN_ID, 2)).toBeUndefined();
});

test('the latest attempt is the highest number, whether or not it is closed', async () => {
  const work = new MemoryStore('work');
  expect(await latestAttempt(work, RUN_ID)).toBe(0);
  for (const attempt of [1, 2, 9, 10]) work.seed(attemptKey(RUN_ID, attempt), '{}');
  work.seed(attemptClosedKey(RUN_ID, 10), '{}');
  work.seed(attemptClosedKey(RUN_ID, 11), '{}');
  work.seed(attemptKey(`${RUN_ID}-other`, 40), '{}');
  expect(await latestAttempt(work, RUN_ID)).toBe(10);
});
