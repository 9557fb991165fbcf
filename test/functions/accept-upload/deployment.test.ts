import { describe, expect, test } from '@jest/globals';
import { acceptUpload, type DeploymentDefaults, objectCreatedEvent } from '../../../functions/accept-upload/accept-upload.ts';
import { readRefusal } from '../../../functions/shared/refusal.ts';
import { FakeExecutions } from '../../fakes/fake-executions.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { FakeClock } from '../../local/workflow/fake-clock.ts';

/** The run of an upload, under what its deployment, its dataset and its own metadata say. */
async function accepted(deployment?: DeploymentDefaults, dataset?: object, metadata: Record<string, string> = {}) {
  const input = new MemoryStore('input');
  const work = new MemoryStore('work');
  const executions = new FakeExecutions();
  const log = new RecordingLog();
  const ports = {
    input,
    work,
    executions,
    clock: new FakeClock(),
    log,
    endpoint: 'https://api.openai.com/v1',
    ...(deployment && { deployment }),
  };
  if (dataset) input.seed('support/_hundredfold.json', JSON.stringify(dataset));
  const body = 'id,review\n1,good\n';
  const key = 'support/july.csv';
  const object = { key, size: body.length, 'version-id': input.seed(key, body, metadata) };
  const acceptance = await acceptUpload(objectCreatedEvent.parse({ detail: { bucket: { name: 'input' }, object } }), ports);
  if (!acceptance) throw new Error('It started nothing');
  return { ...acceptance, refusal: await readRefusal(work, acceptance.run.runId), log };
}

const ofDeployment = (settings: object, maxCostUsdPerDay: number | null = null) => ({ settings: { ...settings }, maxCostUsdPerDay });

describe('settings of the deployment', () => {
  test('hold where nobody else says otherwise, and below the dataset’s and the upload’s', async () => {
    const deployment = ofDeployment({ model: 'gpt-5.4-mini', batchRows: 50, maxCostUsd: 5 });
    const alone = await accepted(deployment);
    expect(alone.run.settings).toMatchObject({ model: 'gpt-5.4-mini', batchRows: 50, maxCostUsd: 5, temperature: 0.3 });
    const both = await accepted(deployment, { batchRows: 20, maxCostUsd: 1 }, { 'hundredfold-batch-rows': '10' });
    expect(both.run.settings).toMatchObject({ model: 'gpt-5.4-mini', batchRows: 10, maxCostUsd: 1 });
  });

  test('are part of the run’s identity where they change an answer, and no others', async () => {
    const plain = await accepted();
    expect((await accepted(ofDeployment({}))).run.runId).toBe(plain.run.runId);
    expect((await accepted(ofDeployment({ maxCostUsd: 5 }, 20))).run.runId).toBe(plain.run.runId);
    expect((await accepted(ofDeployment({ model: 'gpt-5.4-mini' }))).run.runId).not.toBe(plain.run.runId);
  });
});

describe('a budget of the day', () => {
  test('refuses runs of a model whose price nobody knows: they would not be held to it', async () => {
    const { refusal } = await accepted(ofDeployment({}, 20), { model: 'our-own' });
    expect(refusal).toMatchObject({ origin: 'settings', code: 'unknown_price' });
    expect(refusal?.reason).toContain('maxCostUsdPerDay: the price of our-own is unknown');
    expect((await accepted(ofDeployment({}), { model: 'our-own' })).refusal).toBeUndefined();
    expect((await accepted(ofDeployment({}, 20))).refusal).toBeUndefined();
  });
});

test('every line of the log names run and dataset', async () => {
  const { run, log } = await accepted();
  expect(log.lines).not.toEqual([]);
  for (const { fields } of log.lines) expect(fields).toMatchObject({ runId: run.runId, dataset: 'support' });
});
