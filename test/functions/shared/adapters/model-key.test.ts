import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { modelKey } from '../../../../functions/shared/adapters/model-key.ts';
import { type LoopbackServer, loopbackServer, sendJson } from './loopback-server.ts';

const SECRET = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:model-key-AbCdEf';

let server: LoopbackServer;
let client: SecretsManagerClient;
let status: number;
let answer: object;
beforeAll(async () => {
  server = await loopbackServer((_request, response) =>
    sendJson(response, status, answer, { 'content-type': 'application/x-amz-json-1.1' }),
  );
  client = new SecretsManagerClient({
    endpoint: server.url,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
});
afterAll(async () => {
  client.destroy();
  await server.close();
});
beforeEach(() => {
  server.requests.length = 0;
  status = 200;
});

const holding = (secret: string) => ({ ARN: SECRET, Name: 'model-key', SecretString: secret });

test.each([['sk-1'], [' sk-1\n'], ['{"apiKey":"sk-1"}'], ['{"OPENAI_API_KEY":" sk-1 ","other":1}']])('%j holds the key', async (secret) => {
  answer = holding(secret);
  expect(await modelKey(client, SECRET)()).toBe('sk-1');
  expect(JSON.parse(server.requests[0]!.body)).toEqual({ SecretId: SECRET });
});

test.each([
  [''],
  ['  '],
  ['placeholder'],
  ['<set-me>'],
  ['REPLACE_ME'],
  ['change-me'],
  ['<your key>'],
  ['your-api-key-here'],
  ['sk-...'],
  ['{"apiKey":""}'],
  ['{"key":"sk-topsecret"}'],
  ['{"apiKey":sk-topsecret}'],
])('%j holds none, and the error says how to set it', async (secret) => {
  answer = holding(secret);
  const error = await modelKey(client, SECRET)().catch((thrown: unknown) => thrown as Error);
  expect(error).toMatchObject({ name: 'ConfigError', code: 'missing_model_key' });
  expect((error as Error).message).toContain(`aws secretsmanager put-secret-value --secret-id ${SECRET} --secret-string file://model.key`);
  expect((error as Error).message).not.toContain('topsecret');
});

test('a secret that never got a value is the same error', async () => {
  status = 400;
  answer = { __type: 'ResourceNotFoundException', Message: "Secrets Manager can't find the specified secret value" };
  await expect(modelKey(client, SECRET)()).rejects.toMatchObject({ name: 'ConfigError', code: 'missing_model_key' });
});

test('is read once in five minutes, by all callers together', async () => {
  let now = 0;
  const key = modelKey(client, SECRET, { now: () => now });
  answer = holding('sk-1');
  expect(await Promise.all([key(), key(), key()])).toEqual(['sk-1', 'sk-1', 'sk-1']);
  answer = holding('sk-2');
  now = 299_999;
  expect(await key()).toBe('sk-1');
  expect(server.requests).toHaveLength(1);
  now = 300_000;
  expect(await key()).toBe('sk-2');
  expect(server.requests).toHaveLength(2);
});

test('a failed read is not kept', async () => {
  const key = modelKey(client, SECRET, { now: () => 0 });
  status = 400;
  answer = { __type: 'AccessDeniedException', Message: 'no' };
  await expect(key()).rejects.toMatchObject({ name: 'AccessDeniedException' });
  status = 200;
  answer = holding('sk-1');
  expect(await key()).toBe('sk-1');
});
