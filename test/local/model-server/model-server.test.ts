import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import { extractiveAnswer, instantAnswer } from '../../../local/model-server/chat-endpoint.ts';
import { offlinePrefix } from '../../../local/model-server/extractive-summary.ts';
import { type ModelServer, type ModelServerOptions, startModelServer } from '../../../local/model-server/model-server.ts';

const servers: ModelServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const start = async (options: ModelServerOptions = {}) => {
  const server = await startModelServer(options);
  servers.push(server);
  const client = new OpenAI({ baseURL: server.baseUrl, apiKey: 'none', maxRetries: 0 });
  const ask = (user: string, fields: { max_tokens?: number; max_completion_tokens?: number } = {}) =>
    client.chat.completions.create({
      model: 'gpt-6-luna',
      messages: [
        { role: 'system', content: 'Summarize.' },
        { role: 'user', content: user },
      ],
      ...fields,
    });
  const post = (body: string) => fetch(`${server.baseUrl}/chat/completions`, { method: 'POST', body });
  return { server, client, ask, post };
};

const failure = async (promise: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> => {
  const error: unknown = await promise.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OpenAI.APIError);
  return error as InstanceType<typeof OpenAI.APIError>;
};

const rows = JSON.stringify(['The lid leaks when it falls.', 'The lid leaks a little.']);

describe('a completion', () => {
  test('has everything that OpenAI sends', async () => {
    const { ask } = await start();
    const { data, response } = await ask(rows, { max_completion_tokens: 100 }).withResponse();
    expect(data).toMatchObject({
      id: 'chatcmpl-offline-0',
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'offline-extractive',
      choices: [{ index: 0, message: { role: 'assistant', refusal: null }, finish_reason: 'stop' }],
      service_tier: 'default',
    });
    const content = data.choices[0]!.message.content!;
    expect(content.startsWith(`${offlinePrefix}The lid leaks`)).toBe(true);
    const promptTokens = Math.ceil('Summarize.'.length / 4) + Math.ceil(rows.length / 4);
    const completionTokens = Math.ceil(content.length / 4);
    expect(data.usage).toEqual({
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    });
    expect(response.headers.get('x-request-id')).toBe('req_offline_0');
    expect([...response.headers.keys()].filter((name) => name.startsWith('x-ratelimit'))).toEqual([]);
  });

  test.each(['max_tokens', 'max_completion_tokens'])('is cut at %s', async (name) => {
    const { ask } = await start({ answer: () => 'é'.repeat(100) });
    const { choices, usage } = await ask(rows, { [name]: 5 });
    expect(choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'é'.repeat(10) } });
    expect(usage!.completion_tokens).toBe(5);
  });

  test('comes after the latency of its request', async () => {
    const asked: number[] = [];
    const latencyMs = (index: number) => {
      asked.push(index);
      return index === 0 ? 1_000 : 0;
    };
    const { ask } = await start({ latencyMs });
    const order: string[] = [];
    const first = ask(rows).then(() => order.push('first'));
    while (asked.length === 0) await new Promise(setImmediate);
    await Promise.all([first, ask(rows).then(() => order.push('second'))]);
    expect(order).toEqual(['second', 'first']);
    expect(asked).toEqual([0, 1]);
  });

  test('can be instant', async () => {
    const { ask } = await start({ answer: instantAnswer });
    expect((await ask(rows)).choices[0]!.message.content).toMatch(/^Offline instant answer/);
  });
});

describe('the rows that an answer gets', () => {
  test.each([
    ['a JSON array of strings', '["a","b"]', ['a', 'b']],
    ['the summaries of a merge', '[{"rows":100,"summary":"a"},{"rows":3,"summary":"b"}]', ['a', 'b']],
    ['plain text', 'just a text', ['just a text']],
    ['JSON of another shape', '{"rows":1}', ['{"rows":1}']],
    ['an array with a number in it', '["a",1]', ['["a",1]']],
    ['an empty array', '[]', []],
  ])('from %s', async (_name, user, expected) => {
    const seen: string[][] = [];
    const answer = (given: string[]) => {
      seen.push(given);
      return 'ok';
    };
    const { ask } = await start({ answer });
    await ask(user);
    expect(seen).toEqual([expected]);
  });

  test('from text parts', async () => {
    const { client } = await start({ answer: (given) => given.join('|') });
    const content = [
      { type: 'text' as const, text: '["a",' },
      { type: 'text' as const, text: '"b"]' },
    ];
    const { choices } = await client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content }] });
    expect(choices[0]!.message.content).toBe('a|b');
  });

  test('of a request without a limit still make a summary', () => {
    expect(extractiveAnswer(['The lid leaks a little.'], { model: 'm', messages: [] })).toBe(`${offlinePrefix}The lid leaks a little.`);
  });
});

describe('other requests', () => {
  test('GET /v1/models lists the one model', async () => {
    const { client } = await start();
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toEqual(['offline-extractive']);
  });

  test.each([
    ['GET', '/chat/completions'],
    ['POST', '/responses'],
    ['DELETE', '/models'],
  ])('%s %s is a 404 in the error shape of OpenAI', async (method, path) => {
    const { server } = await start();
    const response = await fetch(server.baseUrl + path, { method });
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      error: { message: `Unknown request URL: ${method} /v1${path}.`, type: 'invalid_request_error', param: null, code: 'unknown_url' },
    });
  });

  test.each([
    ['broken JSON', '{"model": "m", "mess', null],
    ['no object', '[]', 'model'],
    ['no model', '{"messages":[{"role":"user","content":"a"}]}', 'model'],
    ['no messages', '{"model":"m"}', 'messages'],
    ['a message without a role', '{"model":"m","messages":[{"content":"a"}]}', 'messages[0]'],
    ['a limit of nothing', '{"model":"m","messages":[{"role":"user","content":"a"}],"max_tokens":0}', 'max_tokens'],
  ])('%s is a 400 that names what is wrong, and no chat request', async (_name, body, param) => {
    const { server, post } = await start({ record: true });
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error', param } });
    expect(server.stats().requests).toBe(0);
    expect(server.requests).toEqual([]);
  });

  test('an answer that throws is a 500 with its message', async () => {
    const answer = () => {
      throw new Error('no answer planned');
    };
    const { server, ask } = await start({ answer });
    const error = await failure(ask(rows));
    expect(error).toMatchObject({ status: 500, message: expect.stringContaining('no answer planned') });
    expect(server.stats()).toMatchObject({ requests: 1, answers: 0, outcomes: { error: 1 } });
  });
});

describe('the account', () => {
  test('counts requests, answers and tokens, and records bodies on demand', async () => {
    const { server, ask } = await start({ record: true });
    const usages = [(await ask(rows)).usage!, (await ask('one text', { max_tokens: 20 })).usage!];
    expect(server.stats()).toEqual({
      requests: 2,
      answers: 2,
      inputTokens: usages[0]!.prompt_tokens + usages[1]!.prompt_tokens,
      outputTokens: usages[0]!.completion_tokens + usages[1]!.completion_tokens,
      outcomes: { answered: 2 },
    });
    expect(server.requests![1]).toEqual({
      model: 'gpt-6-luna',
      messages: [
        { role: 'system', content: 'Summarize.' },
        { role: 'user', content: 'one text' },
      ],
      max_tokens: 20,
    });
  });

  test('keeps no bodies unless asked to', async () => {
    const { server, ask } = await start();
    await ask(rows);
    expect(server.requests).toBeUndefined();
  });

  test('announces rate limits and refuses what is over them', async () => {
    const { server, ask } = await start({ rateLimits: { requestsPerMinute: 1, tokensPerMinute: 100_000 } });
    const { response } = await ask(rows).withResponse();
    expect(response.headers.get('x-ratelimit-limit-requests')).toBe('1');
    expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    const error = await failure(ask(rows));
    expect(error).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
    expect(Number(error.headers!.get('retry-after'))).toBeGreaterThan(50);
    expect(error.headers!.get('x-ratelimit-limit-tokens')).toBe('100000');
    expect(server.stats()).toMatchObject({ requests: 2, answers: 1, outcomes: { answered: 1, 'rate-limited': 1 } });
  });
});

describe('closing', () => {
  test('ends idle connections, answers under way and hanging ones, and may be repeated', async () => {
    const { server, ask } = await start({
      latencyMs: (index) => (index === 2 ? 3_600_000 : 0),
      faults: (index) => (index === 1 ? { kind: 'hang' } : undefined),
    });
    await ask(rows);
    const waiting = [failure(ask(rows)), failure(ask(rows))];
    while (server.stats().requests < 3) await new Promise(setImmediate);
    await server.close();
    await server.close();
    for (const error of await Promise.all(waiting)) expect(error).toBeInstanceOf(OpenAI.APIConnectionError);
    await expect(fetch(`${server.baseUrl}/models`)).rejects.toThrow();
  });

  test('one connection serves many requests until then', async () => {
    const { server } = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const isReused = async (): Promise<boolean> => {
      const request = get(`${server.baseUrl}/models`, { agent });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      await once(response.resume(), 'end');
      // The agent takes the connection back one turn after the end.
      await new Promise(setImmediate);
      return request.reusedSocket;
    };
    expect([await isReused(), await isReused(), await isReused()]).toEqual([false, true, true]);
    agent.destroy();
  });
});
