import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { planBatches } from '../../../functions/plan-batches/plan-batches.ts';
import { claimAttempt } from '../../../functions/shared/attempt.ts';
import type { Rejection, StagedRow } from '../../../functions/shared/contract.ts';
import { partKey, planKey, readableCopyKey, refusalKey, rejectedKey } from '../../../functions/shared/object-keys.ts';
import { planSchema } from '../../../functions/shared/plan.ts';
import type { RedactionKind } from '../../../functions/shared/setting-definitions.ts';
import type { Settings } from '../../../functions/shared/settings.ts';
import { memoryControl } from '../../../local/memory-control.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingEventSink } from '../../fakes/recording-event-sink.ts';
import { ACCEPTED_AT, RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { openBytes, rowsOf } from './upload-source.ts';

const ALL: readonly RedactionKind[] = ['email', 'phone', 'card', 'iban'];
const SECRETS = /jane|x\.io|4111|030\/1234567|DE89/;

async function planned(name: string, body: Uint8Array | string, settings: Partial<Settings>, crash?: (work: MemoryStore) => void) {
  const input = new MemoryStore('input');
  const work = new MemoryStore('work');
  const key = `support/${name}`;
  const source = { bucket: 'input', key, versionId: input.seed(key, body), bytes: body.length };
  const run = sampleRun({ source, settings });
  await claimAttempt(work, RUN_ID, { attempt: 1, owner: 'execution', acceptedAt: ACCEPTED_AT, settings: run.settings });
  const events = new RecordingEventSink();
  const ports = { input, work, resultsBucket: 'results', control: memoryControl(), events, concurrency: 1, isTimeShort: () => false };
  const plan = () => planBatches({ run, level: 0, continueWithPart: null }, ports);
  crash?.(work);
  return { work, plan, events };
}

const csv = [
  'id,review,account',
  'jane@x.io,Call me on 030/1234567 or write to jane@x.io about the lid.,DE89 3704 0044 0532 0130 00',
  '2,I paid with 4111 1111 1111 1111 and it broke.,none',
  '3,,jane@x.io',
  '4,The lid is fine.,5',
]
  .map((line) => `${line}\n`)
  .join('');

test('rows, ids, attributes and rejected records are redacted before they are staged, and counted', async () => {
  const { work, plan, events } = await planned('july.csv.gz', gzipSync(csv), { redact: ALL });
  await plan();
  expect(work.jsonLines<StagedRow>(partKey(RUN_ID, 0)).map(({ id, text, attributes }) => [id, text, attributes])).toEqual([
    ['[email]#1', 'Call me on [phone] or write to [email] about the lid.', '{"account":"[iban]"}'],
    ['2', 'I paid with [card] and it broke.', '{"account":"none"}'],
    ['4', 'The lid is fine.', '{"account":"5"}'],
  ]);
  expect(work.jsonLines<Rejection>(rejectedKey(RUN_ID, 0)).map(({ raw }) => raw)).toEqual(['3,,[email]']);
  const { counts, notes } = planSchema.parse(work.json(planKey(RUN_ID)));
  expect(counts.redacted).toEqual({ email: 3, phone: 1, card: 1, iban: 1 });
  expect(notes).toContain(
    'Redacted before anything was staged or sent: 3 mail addresses, 1 bank account number, 1 card number, 1 telephone number.',
  );
  // The unpacked copy too is gone, so nothing in the work bucket has what the upload has.
  for (const key of work.keys()) expect(work.text(key)).not.toMatch(SECRETS);
  expect(JSON.stringify(events)).not.toMatch(SECRETS);
});

test('the unpacked copy goes also where planning was broken off between the plan and its end', async () => {
  const { work, plan } = await planned('july.csv.gz', gzipSync(csv), { redact: ALL }, (store) => store.crashAfter(/plan\.json$/));
  await expect(plan()).rejects.toMatchObject({ name: 'CrashError' });
  expect(work.keys()).toContain(readableCopyKey(RUN_ID, 0));
  await plan();
  expect(work.keys()).not.toContain(readableCopyKey(RUN_ID, 0));
});

test('without redaction the copy stays, and nothing is said', async () => {
  const { work, plan } = await planned('july.csv.gz', gzipSync(csv), {});
  await plan();
  expect(work.keys()).toContain(readableCopyKey(RUN_ID, 0));
  const { counts, notes } = planSchema.parse(work.json(planKey(RUN_ID)));
  expect([counts.redacted, notes]).toEqual([undefined, []]);
});

test('a refusal that quotes the file is redacted', async () => {
  const { work, plan } = await planned('july.csv', 'jane@x.io,4111111111111111\nsomething,else\n', { redact: ALL });
  await expect(plan()).rejects.toMatchObject({ name: 'InvalidUploadError' });
  expect(work.text(refusalKey(RUN_ID))).not.toMatch(SECRETS);
});

test('attributes of JSON are redacted at every depth, names and numbers too, and stay as written elsewhere', async () => {
  const line = '{"id":1,"text":"fine","a":{"jane@x.io":[1.10,4111111111111111,"+49 30 123456"]},"b":1.50}\n';
  const [row] = await rowsOf(await openBytes('a.jsonl', line.repeat(2), { redact: ALL, idColumn: 'id' }));
  expect(row).toMatchObject({
    attributes: '{"a":{"[email]":[1.10,"[card]","[phone]"]},"b":1.50}',
    redacted: { email: 1, phone: 1, card: 1, iban: 0 },
  });
});

test('no half of an address is left where a text is cut', async () => {
  for (let characters = 30; characters < 60; characters++) {
    const text = `${'lid '.repeat(7)}jane.longname@x.io ${'and more '.repeat(80)}`;
    const [row] = await rowsOf(await openBytes('a.csv', `id,text\n1,${text}\n`, { redact: ALL, maxRowCharacters: characters }));
    expect(row).toMatchObject({ reason: null, truncated: true, text: expect.not.stringMatching(/jane|x\.io/) });
  }
});

test('a rejected record that is capped ends before what may be the half of something', async () => {
  const text = `${'word '.repeat(196)}jane.longname@x.io`;
  const upload = await openBytes('a.jsonl', `{"text":"fine"}\n{"text":"", "b": "${text}"}\n`, { redact: ALL });
  const [, rejected] = await rowsOf(upload);
  expect(rejected).toMatchObject({ reason: 'empty_text', raw: expect.not.stringMatching(/jane/) });
});
