import { describe, expect, test } from '@jest/globals';
import { acceptUpload, fileLayer, objectCreatedEvent, startsRun } from '../../../functions/accept-upload/accept-upload.ts';
import { closeAttempt, readAttempt } from '../../../functions/shared/attempt.ts';
import { type Run, runSchema } from '../../../functions/shared/contract.ts';
import { attemptKey, refusalKey } from '../../../functions/shared/object-keys.ts';
import { defaultSettings } from '../../../functions/shared/settings.ts';
import { FakeExecutions } from '../../fakes/fake-executions.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { FakeClock } from '../../local/workflow/fake-clock.ts';

const SETTINGS = 'support/_hundredfold.json';

function open() {
  const input = new MemoryStore('input');
  const work = new MemoryStore('work');
  const executions = new FakeExecutions();
  const clock = new FakeClock();
  const log = new RecordingLog();
  const ports = { input, work, executions, clock, log, endpoint: 'https://api.openai.com/v1' };
  const eventOf = (key: string, body = 'id,review\n1,good\n', metadata: Record<string, string> = {}) =>
    objectCreatedEvent.parse({
      'detail-type': 'Object Created',
      detail: {
        bucket: { name: 'input' },
        object: { key, size: Buffer.byteLength(body), etag: 'etag', 'version-id': input.seed(key, body, metadata), sequencer: '00' },
      },
    });
  const accept = async (event: ReturnType<typeof eventOf>) => (await acceptUpload(event, ports))?.run;
  const started = (): Run[] => [...executions.inputs.values()].map((bytes) => runSchema.parse(JSON.parse(bytes)));
  const refusals = () => work.keys().filter((key) => key.endsWith('refusal.json'));
  return { input, work, executions, clock, log, eventOf, accept, started, refusals };
}

test.each([
  ['july.csv', 10, true],
  ['support/2026/july.csv', 1, true],
  ['support/no-extension', 10, true],
  ['support/Größe 🦊+100%.csv', 10, true],
  ['support/a_b.csv', 10, true],
  ['support/_folder/july.csv', 10, true],
  ['support/july.csv', 0, false],
  ['support/', 10, false],
  ['support/', 0, false],
  ['_hundredfold.json', 10, false],
  ['support/_hundredfold.json', 10, false],
  ['support/_SUCCESS', 10, false],
  ['support/_temporary', 10, false],
  ['support/.DS_Store', 10, false],
  ['.part-0000.crc', 10, false],
])('%s of %d bytes starts a run: %p', async (key, bytes, isStarted) => {
  expect(startsRun(key, bytes)).toBe(isStarted);
  const { accept, eventOf, executions, work } = open();
  const run = await accept(eventOf(key, 'x'.repeat(bytes)));
  expect(executions.starts).toEqual(isStarted ? [`${run?.runId}-1`] : []);
  if (!isStarted) expect([run, work.keys()]).toEqual([undefined, []]);
});

test('a digest is not grouped, whatever its dataset’s settings say of the dataset’s uploads', async () => {
  const { input, eventOf, accept, refusals } = open();
  input.seed(SETTINGS, JSON.stringify({ groupColumn: 'product', minGroupRows: 20, model: 'gpt-5.4-mini' }));
  const upload = await accept(eventOf('support/july.csv'));
  expect(upload?.settings).toMatchObject({ groupColumn: 'product', minGroupRows: 20 });
  const digest = await accept(eventOf('support/_digest/digest-of-support.jsonl', '{}', { 'hundredfold-text-column': 'summary' }));
  expect(digest?.settings).toMatchObject({ groupColumn: null, minGroupRows: 1, model: 'gpt-5.4-mini', textColumn: 'summary' });
  expect(refusals()).toEqual([]);
});

describe('an upload', () => {
  test('starts the execution of its first attempt, claimed under the execution’s ARN', async () => {
    const { accept, eventOf, executions, work, clock, started } = open();
    const run = (await accept(eventOf('support/july.csv'))) as Run;
    expect(started()).toEqual([run]);
    expect(run).toEqual({
      ...{ runId: expect.stringMatching(/^july-[0-9a-f]{16}$/), attempt: 1, dataset: 'support', limit: null },
      source: { bucket: 'input', key: 'support/july.csv', versionId: 'v1', bytes: 17 },
      ...{ endpoint: 'https://api.openai.com/v1', settings: defaultSettings },
    });
    expect(executions.starts).toEqual([`${run.runId}-1`]);
    expect(await readAttempt(work, run.runId, 1)).toEqual({
      ...run,
      owner: `arn:execution:${run.runId}-1`,
      acceptedAt: new Date(clock.now()).toISOString(),
    });
  });

  test.each(['support/Größe 🦊.csv', 'support/a b+c%20d.csv', 'support/a&b=c?.csv', 'Kunden Köln/juli.csv'])(
    'is found under the very key %s, with the settings of its folder',
    async (key) => {
      const { accept, eventOf, input, started } = open();
      input.seed(`${key.split('/')[0]}/_hundredfold.json`, '{"batchRows": 7}');
      await accept(eventOf(key));
      expect(started()).toEqual([expect.objectContaining({ dataset: key.split('/')[0], source: expect.objectContaining({ key }) })]);
      expect(started()[0]?.settings.batchRows).toBe(7);
    },
  );

  test('at the root is of the dataset default, with the settings file beside it', async () => {
    const { accept, eventOf, input, started } = open();
    input.seed('_hundredfold.json', '{"batchRows": 7}');
    await accept(eventOf('july.csv'));
    expect(started()[0]).toMatchObject({ dataset: 'default', settings: { batchRows: 7 } });
  });

  test('that changes under its key is another run; that of a bucket without versions is one', async () => {
    const { accept, eventOf, started } = open();
    await accept(eventOf('support/july.csv'));
    await accept(eventOf('support/july.csv', 'id,review\n1,better\n'));
    expect(new Set(started().map(({ runId }) => runId)).size).toBe(2);
    const unversioned = objectCreatedEvent.parse({ detail: { bucket: { name: 'input' }, object: { key: 'support/_x', size: 5 } } });
    expect(unversioned.detail.object['version-id']).toBeUndefined();
  });
});

describe('the same event again', () => {
  test('starts the same name with the same bytes, though the settings outside the identity have changed', async () => {
    const { accept, eventOf, input, executions, clock, work } = open();
    input.seed(SETTINGS, '{"batchRows": 50, "maxCostUsd": 1}');
    const event = eventOf('support/july.csv');
    const first = (await accept(event)) as Run;
    const claim = work.text(attemptKey(first.runId, 1));
    input.seed(SETTINGS, '{"toleratedFailurePercentage": 3, "maxCostUsd": 9, "batchRows": 50}');
    clock.advance(3_600);
    await accept(event);
    // The fake refuses a second start of a name with other bytes.
    expect(executions.starts).toEqual([`${first.runId}-1`, `${first.runId}-1`]);
    expect(executions.inputs.size).toBe(1);
    expect(work.text(attemptKey(first.runId, 1))).toBe(claim);
  });

  test('delivered at once many times starts one execution', async () => {
    const { accept, eventOf, executions } = open();
    const event = eventOf('support/july.csv');
    await Promise.all(Array.from({ length: 5 }, () => accept(event)));
    expect(executions.inputs.size).toBe(1);
  });

  test('after the attempt ended starts nothing', async () => {
    const { accept, eventOf, executions, work, log } = open();
    const event = eventOf('support/july.csv');
    const run = (await accept(event)) as Run;
    await closeAttempt(work, run.runId, 1, { status: 'partial', closedAt: '2026-11-23T00:00:00.000Z' });
    expect(await accept(event)).toEqual(run);
    expect(executions.starts).toHaveLength(1);
    expect(log.lines.map(({ message }) => message)).toEqual(['upload accepted', 'upload was processed before']);
  });

  test('after a crash between claim and start starts what was claimed', async () => {
    const { accept, eventOf, executions, input, work, started } = open();
    input.seed(SETTINGS, '{"maxCostUsd": 1}');
    const event = eventOf('support/july.csv');
    work.crashAfter(/attempts/);
    await expect(accept(event)).rejects.toMatchObject({ name: 'CrashError' });
    expect(executions.starts).toEqual([]);
    input.seed(SETTINGS, '{"maxCostUsd": 2}');
    await accept(event);
    expect(started().map(({ settings }) => settings.maxCostUsd)).toEqual([1]);
  });

  test('after a start that failed is tried again', async () => {
    const { accept, eventOf, executions } = open();
    const event = eventOf('support/july.csv');
    executions.failure = new Error('throttled');
    await expect(accept(event)).rejects.toThrow('throttled');
    executions.failure = undefined;
    await accept(event);
    expect(executions.inputs.size).toBe(1);
  });
});

describe('settings', () => {
  test('of the object win over those of the file', async () => {
    const { accept, eventOf, input, started } = open();
    input.seed(SETTINGS, '{"batchRows": 50, "temperature": 0, "textColumn": "body"}');
    await accept(
      eventOf('support/july.csv', 'x', {
        ...{ 'hundredfold-batch-rows': '200', 'hundredfold-text-column': 'Review%20Text%20%C3%BC%25', 'hundredfold-max-cost-usd': '0.5' },
        ...{ 'content-owner': 'somebody', batchrows: '5' },
      }),
    );
    const settings = { batchRows: 200, temperature: 0, textColumn: 'Review Text ü%', maxCostUsd: 0.5 };
    expect(started()[0]?.settings).toEqual({ ...defaultSettings, ...settings });
  });

  test('of another dataset are not read', async () => {
    const { accept, eventOf, input, started } = open();
    input.seed('sales/_hundredfold.json', '{"batchRows": 7}');
    input.seed('_hundredfold.json', '{"batchRows": 8}');
    input.seed('support/2026/_hundredfold.json', '{"batchRows": 9}');
    await accept(eventOf('support/2026/july.csv'));
    expect(started()[0]?.settings).toEqual(defaultSettings);
  });

  test.each([
    ['a wrong value', '{"batchRows": 0, "colour": "red"}', {}, ['batchRows', 'colour']],
    ['no JSON', '{batchRows: 5}', {}, ['support/_hundredfold.json: not JSON']],
    ['no object', '[1]', {}, ['support/_hundredfold.json']],
    ['nothing', '', {}, ['support/_hundredfold.json: not JSON']],
    ['metadata of no such setting', '{}', { 'hundredfold-batch-size': '5' }, ['object metadata', 'batchSize']],
    ['metadata that is no number', '{}', { 'hundredfold-batch-rows': 'many' }, ['object metadata', 'batchRows']],
    ['metadata that is not percent-encoded', '{}', { 'hundredfold-text-column': '100%' }, ['hundredfold-text-column']],
    ['both', '{"batchRows": 0}', { 'hundredfold-temperature': 'warm' }, ['batchRows', 'temperature']],
    ['a cap that cannot be kept', '{"model": "unknown", "maxCostUsd": 1}', {}, ['maxCostUsd']],
  ])('that hold %s make a run that is refused and says why', async (_, file, metadata, words) => {
    const { accept, eventOf, input, work, started, refusals } = open();
    input.seed(SETTINGS, file);
    const event = eventOf('support/july.csv', 'x', metadata as Record<string, string>);
    const run = (await accept(event)) as Run;
    const { reason, origin } = work.json<{ reason: string; origin: string }>(refusalKey(run.runId));
    expect(origin).toBe('settings');
    for (const word of words) expect(reason).toContain(word);
    expect(started()).toEqual([{ ...run, settings: defaultSettings }]);
    expect(work.writtenKeys[0]).toBe(refusalKey(run.runId));

    await accept(event);
    expect(started()).toHaveLength(1);
    expect(refusals()).toHaveLength(1);
  });

  test('that were mended make a run of their own beside the refused one', async () => {
    const { accept, eventOf, input, started, refusals } = open();
    const event = eventOf('support/july.csv');
    input.seed(SETTINGS, '{"batchRows": 0}');
    await accept(event);
    input.seed(SETTINGS, '{"batchRows": 10}');
    const run = (await accept(event)) as Run;
    expect(refusals()).toHaveLength(1);
    expect(refusals()).not.toContain(refusalKey(run.runId));
    expect(started().map(({ settings }) => settings.batchRows)).toEqual([100, 10]);
  });

  test('that are wrong in another way make another refused run', async () => {
    const { accept, eventOf, input, refusals } = open();
    const event = eventOf('support/july.csv');
    for (const file of ['{"batchRows": 0}', '{"batchRows": -1}', 'nonsense']) {
      input.seed(SETTINGS, file);
      await accept(event);
    }
    expect(refusals()).toHaveLength(3);
  });

  test('that cannot be read because the store fails refuse nothing', async () => {
    const { accept, eventOf, input, work, executions } = open();
    const event = eventOf('support/july.csv');
    input.crashBefore(/_hundredfold/, { operation: 'get' });
    await expect(accept(event)).rejects.toMatchObject({ name: 'CrashError' });
    expect([work.keys(), executions.starts]).toEqual([[], []]);
  });
});

test.each(['{"a":1}', '{}'])('a settings file holds one object: %s', (text) => {
  expect(fileLayer('file', Buffer.from(text))).toEqual({ origin: 'file', values: JSON.parse(text) });
});

test.each(['null', '5', '"text"', '[]', 'nonsense'])('a settings file of %s is refused', (text) => {
  expect(() => fileLayer('file', Buffer.from(text))).toThrow(expect.objectContaining({ name: 'ConfigError', code: 'invalid_settings' }));
});

test.each([
  ['no object', { detail: { bucket: { name: 'b' } } }],
  ['an empty key', { detail: { bucket: { name: 'b' }, object: { key: '', size: 1 } } }],
  ['another shape', { Records: [] }],
])('an event with %s is no upload', (_, event) => {
  expect(objectCreatedEvent.safeParse(event).success).toBe(false);
});
