import { afterEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import type { Fault } from '../../../local/model-server/faults.ts';
import { type ModelServer, startModelServer } from '../../../local/model-server/model-server.ts';

let server: ModelServer | undefined;

afterEach(() => server?.close());

/** What the client sees when its only request meets `fault`: the completion, or the error. */
const meet = async (fault: Fault) => {
  server = await startModelServer({ faults: () => fault, answer: () => '🍱🍱🍱 The lid.' });
  const client = new OpenAI({ baseURL: server.baseUrl, apiKey: 'none', maxRetries: 0 });
  const request = client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: '["a"]' }] });
  const [seen] = await Promise.allSettled([request]);
  return { seen, stats: server.stats() };
};

const completion = async (fault: Fault) => {
  const { seen, stats } = await meet(fault);
  if (seen.status === 'rejected') throw seen.reason;
  expect(stats).toMatchObject({ requests: 1, outcomes: { [fault.kind]: 1 } });
  return { completion: seen.value, answers: stats.answers };
};

const error = async (fault: Fault) => {
  const { seen, stats } = await meet(fault);
  if (seen.status === 'fulfilled') throw new Error('it succeeded');
  expect(stats).toMatchObject({ requests: 1, outcomes: { [fault.kind]: 1 } });
  return { error: seen.reason as InstanceType<typeof OpenAI.APIError>, answers: stats.answers };
};

describe('errors', () => {
  test.each([
    [400, null, OpenAI.BadRequestError],
    [401, 'invalid_api_key', OpenAI.AuthenticationError],
    [403, 'unsupported_country_region_territory', OpenAI.PermissionDeniedError],
    [404, 'model_not_found', OpenAI.NotFoundError],
    [429, 'rate_limit_exceeded', OpenAI.RateLimitError],
    [500, null, OpenAI.InternalServerError],
    [503, null, OpenAI.InternalServerError],
  ])('status %d has the code %s by default and is not paid', async (status, code, errorClass) => {
    const met = await error({ kind: 'status', status });
    expect(met.error).toBeInstanceOf(errorClass);
    expect(met.error).toMatchObject({ status, code });
    expect(met.error.headers!.has('retry-after')).toBe(false);
    expect(met.answers).toBe(0);
  });

  test('a status carries the code, type, message and waiting time that were planned', async () => {
    const met = await error({
      kind: 'status',
      status: 503,
      code: 'slow_down',
      type: 'service_unavailable_error',
      message: 'Slow down.',
      retryAfterSeconds: 1.25,
    });
    expect(met.error).toMatchObject({ status: 503, code: 'slow_down', type: 'service_unavailable_error', message: '503 Slow down.' });
    expect(met.error.headers!.get('retry-after')).toBe('2');
    expect(met.error.headers!.get('retry-after-ms')).toBe('1250');
  });

  test.each([
    ['before', 0],
    ['after', 1],
  ] as const)('a connection that drops %s the answer has %d paid answers', async (when, paid) => {
    const met = await error({ kind: 'drop', when });
    expect(met.error).toBeInstanceOf(OpenAI.APIConnectionError);
    expect(met.answers).toBe(paid);
  });

  test('truncated JSON does not parse, and is paid', async () => {
    const { seen, stats } = await meet({ kind: 'truncated' });
    expect(seen).toMatchObject({ status: 'rejected', reason: { name: 'SyntaxError' } });
    expect(stats).toMatchObject({ answers: 1, outcomes: { truncated: 1 } });
  });

  test('a hanging request ends only when the client gives up', async () => {
    server = await startModelServer({ faults: () => ({ kind: 'hang' }) });
    const client = new OpenAI({ baseURL: server.baseUrl, apiKey: 'none', maxRetries: 0 });
    const controller = new AbortController();
    const request = client.chat.completions.create(
      { model: 'm', messages: [{ role: 'user', content: 'a' }] },
      { signal: controller.signal },
    );
    const outcome = expect(request).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    while (server.stats().requests === 0) await new Promise(setImmediate);
    controller.abort();
    await outcome;
    expect(server.stats()).toMatchObject({ answers: 0, outcomes: { hang: 1 } });
  });
});

describe('successes that are none', () => {
  test('a web page reaches the caller as text', async () => {
    const met = await completion({ kind: 'html' });
    expect(met.completion).toMatch(/^<!doctype html>/);
    expect(met.answers).toBe(0);
  });

  test('empty choices', async () => {
    const met = await completion({ kind: 'empty-choices' });
    expect(met.completion.choices).toEqual([]);
    expect(met.answers).toBe(1);
  });

  test.each([
    ['empty', { message: { content: '', refusal: null }, finish_reason: 'stop' }],
    ['length', { message: { content: '🍱🍱🍱 Th', refusal: null }, finish_reason: 'length' }],
    ['refusal', { message: { content: null, refusal: expect.stringContaining("can't help") }, finish_reason: 'stop' }],
    ['content-filter', { message: { content: '', refusal: null }, finish_reason: 'content_filter' }],
  ] as const)('%s is a paid answer of that shape', async (kind, choice) => {
    const met = await completion({ kind });
    expect(met.completion.choices[0]).toMatchObject(choice);
    expect(met.completion.usage!.completion_tokens).toBeGreaterThan(0);
    expect(met.answers).toBe(1);
  });
});

test('the plan decides by the number and the body of a request', async () => {
  const planned: [number, string][] = [];
  server = await startModelServer({
    answer: () => 'ok',
    faults(requestIndex, { model }) {
      planned.push([requestIndex, model]);
      return requestIndex === 0 ? { kind: 'status', status: 500 } : undefined;
    },
  });
  const client = new OpenAI({ baseURL: server.baseUrl, apiKey: 'none', maxRetries: 0 });
  const ask = (model: string) => client.chat.completions.create({ model, messages: [{ role: 'user', content: 'a' }] });
  await expect(ask('a')).rejects.toMatchObject({ status: 500 });
  await expect(ask('b')).resolves.toMatchObject({ choices: [{ message: { content: 'ok' } }] });
  expect(planned).toEqual([
    [0, 'a'],
    [1, 'b'],
  ]);
  expect(server.stats()).toMatchObject({ requests: 2, answers: 1, outcomes: { status: 1, answered: 1 } });
});
