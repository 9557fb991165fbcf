import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openAiSummarizer } from '../../../../functions/shared/adapters/openai-summarizer.ts';
import { ConfigError, type PipelineError } from '../../../../functions/shared/errors.ts';
import type { SummaryRequest } from '../../../../functions/shared/ports.ts';
import { type LoopbackServer, loopbackServer, sendJson } from './loopback-server.ts';

const KEY = 'sk-proj-Abc123Def456Ghi789';
const NOW = Date.UTC(2026, 10, 23, 12, 0, 0);

type Reply = (response: ServerResponse) => void;

let server: LoopbackServer;
let reply: Reply;

beforeAll(async () => {
  server = await loopbackServer((_request, response) => reply(response));
});
afterAll(() => server.close());
beforeEach(() => {
  server.requests.length = 0;
  reply = () => {
    throw new Error('This test expects no request.');
  };
});

const request: SummaryRequest = {
  model: 'gpt-4o-mini',
  messages: [
    { role: 'system', content: 'summarize the following 2 customer reviews into a concise paragraph' },
    { role: 'user', content: '["Too small.","Lovely colour."]' },
  ],
  temperature: 0.3,
  maxOutputTokens: 250,
  serviceTier: null,
  format: null,
};

const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'gpt-4o-mini-2024-07-18',
  service_tier: 'default',
  choices: [
    { index: 0, finish_reason: 'stop', logprobs: null, message: { role: 'assistant', content: '  Mixed views.\n', refusal: null } },
  ],
  usage: { prompt_tokens: 40, completion_tokens: 5, total_tokens: 45 },
};

const answering = (message: object, finishReason: string | null = 'stop') => ({
  ...completion,
  choices: [{ index: 0, finish_reason: finishReason, message: { role: 'assistant', ...message } }],
});

const ok =
  (body: unknown, headers?: Record<string, string>): Reply =>
  (response) =>
    sendJson(response, 200, body, headers);

function summarize(options: { signal?: AbortSignal; timeoutMs?: number; request?: Partial<SummaryRequest>; apiKey?: string } = {}) {
  const summarizer = openAiSummarizer({
    apiKey: options.apiKey ?? KEY,
    baseUrl: `${server.url}/v1/`,
    now: () => NOW,
    timeoutMs: options.timeoutMs,
  });
  return summarizer.summarize({ ...request, ...options.request }, { signal: options.signal });
}

/** The error of one call, and the proof that there was one request and that the key is nowhere in the error. */
async function failure(
  options: Parameters<typeof summarize>[0] = {},
): Promise<PipelineError & { retryAfterSeconds?: number; usage?: object }> {
  const error = await summarize(options).then(
    () => undefined,
    (thrown: unknown) => thrown as PipelineError,
  );
  if (!error) throw new Error('The call succeeded.');
  expect(server.requests.length).toBe(1);
  expect(error.message).not.toContain('sk-');
  expect(error.message).not.toContain(KEY.slice(3));
  expect(error.message.length).toBeLessThanOrEqual(360);
  expect(error.cause).toBeUndefined();
  return error;
}

describe('the request', () => {
  const common = { messages: request.messages, temperature: 0.3 };

  test.each<[string, Partial<SummaryRequest>, object]>([
    ['a chat model', {}, { ...common, model: 'gpt-4o-mini', max_tokens: 250 }],
    ['an unknown model of a compatible server', { model: 'llama-3.1-8b' }, { ...common, model: 'llama-3.1-8b', max_tokens: 250 }],
    [
      'a reasoning model',
      { model: 'gpt-5.4-mini' },
      { ...common, model: 'gpt-5.4-mini', max_completion_tokens: 250, reasoning_effort: 'none' },
    ],
    [
      'a reasoning model with cache options, and a tier',
      { model: 'gpt-6-luna', serviceTier: 'flex' },
      {
        ...common,
        model: 'gpt-6-luna',
        max_completion_tokens: 250,
        reasoning_effort: 'none',
        prompt_cache_options: { mode: 'explicit' },
        service_tier: 'flex',
      },
    ],
  ])('of %s', async (_name, changes, expected) => {
    reply = ok(completion);
    await summarize({ request: changes });
    const [received] = server.requests;
    expect(received).toMatchObject({ method: 'POST', path: '/v1/chat/completions', headers: { authorization: `Bearer ${KEY}` } });
    expect(JSON.parse(received!.body)).toEqual(expected);
  });
});

describe('the answer', () => {
  test('is trimmed text with what the endpoint says of it', async () => {
    const times = [NOW, NOW + 1_234.4];
    reply = ok(completion, { 'x-request-id': 'req_7' });
    const summarizer = openAiSummarizer({ apiKey: KEY, baseUrl: server.url, now: () => times.shift()! });
    await expect(summarizer.summarize({ ...request, serviceTier: 'auto' }, {})).resolves.toEqual({
      text: 'Mixed views.',
      finishReason: 'stop',
      model: 'gpt-4o-mini-2024-07-18',
      serviceTier: 'default',
      requestId: 'req_7',
      usage: { inputTokens: 40, outputTokens: 5 },
      latencyMs: 1_234,
      limits: null,
    });
  });

  test('tells how many tokens were cached and how many were thoughts, where the endpoint does', async () => {
    const details = { prompt_tokens_details: { cached_tokens: 30, audio_tokens: 0 }, completion_tokens_details: { reasoning_tokens: 2 } };
    reply = ok({ ...completion, usage: { ...completion.usage, ...details } });
    const told = { inputTokens: 40, outputTokens: 5, cachedInputTokens: 30, reasoningTokens: 2 };
    expect((await summarize()).usage).toEqual(told);
    reply = ok({ ...completion, usage: { ...completion.usage, prompt_tokens_details: null, completion_tokens_details: 'none' } });
    expect((await summarize()).usage).toStrictEqual({ inputTokens: 40, outputTokens: 5 });
  });

  test('of a server that says less falls back to what was asked', async () => {
    reply = ok({ choices: [{ message: { content: 'Fine.' } }] });
    await expect(summarize({ request: { serviceTier: 'flex' } })).resolves.toEqual({
      text: 'Fine.',
      finishReason: 'stop',
      model: 'gpt-4o-mini',
      serviceTier: 'flex',
      requestId: null,
      usage: { inputTokens: 0, outputTokens: 0 },
      latencyMs: 0,
      limits: null,
    });
  });

  test('tells what the endpoint announces of its limits', async () => {
    reply = ok(completion, {
      'x-ratelimit-limit-requests': '600',
      'x-ratelimit-remaining-requests': '599',
      'x-ratelimit-reset-requests': '100ms',
    });
    const limits = { requests: { limit: 600, remaining: 599, resetSeconds: 0.1 } };
    expect((await summarize()).limits).toEqual(limits);
    reply = refusing({
      status: 429,
      headers: { 'x-ratelimit-limit-tokens': '1000', 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '1m0s' },
    });
    server.requests.length = 0;
    expect(await failure()).toMatchObject({ limits: { tokens: { limit: 1000, remaining: 0, resetSeconds: 60 } } });
  });

  test('that was cut is kept and marked', async () => {
    reply = ok(answering({ content: 'Half of a' }, 'length'));
    await expect(summarize()).resolves.toMatchObject({ text: 'Half of a', finishReason: 'length' });
  });

  test.each<[string, object, string]>([
    ['a refusal', answering({ content: null, refusal: 'I cannot help with that.' }), 'refusal'],
    ['a filtered answer', answering({ content: 'Half' }, 'content_filter'), 'content_filter'],
    ['an empty answer', answering({ content: ' \n ' }), 'empty'],
    ['no text at all', answering({ content: null }, 'length'), 'empty'],
  ])('%s is a paid completion that is no summary', async (_name, body, code) => {
    reply = ok(body);
    const error = await failure();
    expect(error).toMatchObject({ name: 'UnusableSummaryError', code, usage: { inputTokens: 40, outputTokens: 5 } });
  });

  test.each<[string, Reply]>([
    [
      'a web page',
      (response) => {
        response.writeHead(200, { 'content-type': 'text/html' });
        response.end('<html><body>Welcome to the hotel network</body></html>');
      },
    ],
    ['JSON that ends too early', ok(JSON.stringify(completion).slice(0, 150))],
    ['an empty body', ok('')],
    ['no content', (response) => response.writeHead(204).end()],
    ['null', ok(null)],
    ['an error under status 200', ok({ error: { code: 429, message: 'upstream is busy' } })],
    ['no choices', ok({ ...completion, choices: [] })],
    ['no message', ok({ ...completion, choices: [{ finish_reason: 'stop' }] })],
    ['a message without content', ok(answering({}))],
    ['content in parts', ok(answering({ content: [{ type: 'text', text: 'Fine.' }] }))],
  ])('%s is not a completion', async (_name, broken) => {
    reply = broken;
    expect(await failure()).toMatchObject({ name: 'ModelUnavailableError', code: 'invalid_response' });
  });
});

interface Refusal {
  status: number;
  code?: unknown;
  type?: string;
  message?: string;
  headers?: Record<string, string>;
}

const refusing =
  ({ status, code = null, type = 'invalid_request_error', message = 'No.', headers }: Refusal): Reply =>
  (response) =>
    sendJson(response, status, { error: { message, type, param: null, code } }, headers);

describe('an error of the endpoint', () => {
  const overflowMessage = "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.";
  const tooLargeMessage = 'Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 36278. Reduce the tokens.';
  const earlyMessage = 'Request too large for organization org-1 on tokens per min (TPM): Limit 250000, Requested 546.';

  test.each<[Refusal, string, string]>([
    [{ status: 429, code: 'rate_limit_exceeded', type: 'tokens' }, 'ModelThrottledError', 'rate_limit_exceeded'],
    [{ status: 429, code: 'rate_limit_exceeded', type: 'tokens', message: earlyMessage }, 'ModelThrottledError', 'rate_limit_exceeded'],
    [{ status: 429, code: 'slow_down' }, 'ModelThrottledError', 'slow_down'],
    [{ status: 503, code: 'slow_down' }, 'ModelThrottledError', 'slow_down'],
    [{ status: 429, code: 'resource_unavailable' }, 'ModelThrottledError', 'resource_unavailable'],
    [{ status: 429 }, 'ModelThrottledError', 'http_429'],
    [{ status: 429, code: 429 }, 'ModelThrottledError', 'http_429'],
    [{ status: 429, code: 'insufficient_quota' }, 'ModelQuotaExhaustedError', 'insufficient_quota'],
    [{ status: 429, code: null, type: 'insufficient_quota' }, 'ModelQuotaExhaustedError', 'http_429'],
    [{ status: 429, code: 'credit_balance_exhausted' }, 'ModelQuotaExhaustedError', 'credit_balance_exhausted'],
    [{ status: 429, code: 'project_spend_limit_exceeded' }, 'ModelQuotaExhaustedError', 'project_spend_limit_exceeded'],
    [{ status: 429, code: 'organization_spend_limit_exceeded' }, 'ModelQuotaExhaustedError', 'organization_spend_limit_exceeded'],
    [{ status: 429, code: 'organization_usage_limit_exceeded' }, 'ModelQuotaExhaustedError', 'organization_usage_limit_exceeded'],
    [{ status: 429, code: 'usage_limit_exceeded' }, 'ModelQuotaExhaustedError', 'usage_limit_exceeded'],
    [{ status: 429, code: 'billing_not_active' }, 'ModelQuotaExhaustedError', 'billing_not_active'],
    [{ status: 402, message: 'Insufficient Balance' }, 'ModelQuotaExhaustedError', 'http_402'],
    [{ status: 401, code: 'invalid_api_key' }, 'ModelAccessError', 'invalid_api_key'],
    [{ status: 401 }, 'ModelAccessError', 'http_401'],
    [{ status: 403, code: 'unsupported_country_region_territory' }, 'ModelAccessError', 'unsupported_country_region_territory'],
    [{ status: 404, code: 'model_not_found' }, 'ModelAccessError', 'model_not_found'],
    [{ status: 400, code: 'model_not_found' }, 'ModelAccessError', 'model_not_found'],
    [{ status: 404, code: 404, message: 'The model `m` does not exist.' }, 'ModelAccessError', 'http_404'],
    [{ status: 400, code: 'context_length_exceeded' }, 'ContextOverflowError', 'context_length_exceeded'],
    [{ status: 400, code: 'string_above_max_length' }, 'ContextOverflowError', 'string_above_max_length'],
    [{ status: 400, code: 400, type: 'BadRequestError', message: overflowMessage }, 'ContextOverflowError', 'http_400'],
    [{ status: 400, type: 'exceed_context_size_error' }, 'ContextOverflowError', 'http_400'],
    [{ status: 413, code: null }, 'ContextOverflowError', 'http_413'],
    [{ status: 429, code: 'rate_limit_exceeded', type: 'tokens', message: tooLargeMessage }, 'ContextOverflowError', 'rate_limit_exceeded'],
    [{ status: 400, code: 'content_filter' }, 'UnusableSummaryError', 'content_filter'],
    [{ status: 400, code: 'content_policy_violation' }, 'UnusableSummaryError', 'content_filter'],
    [{ status: 400, code: 'invalid_prompt' }, 'UnusableSummaryError', 'content_filter'],
    [{ status: 403, code: 'bio_policy' }, 'UnusableSummaryError', 'content_filter'],
    [{ status: 408 }, 'ModelUnavailableError', 'http_408'],
    [{ status: 409 }, 'ModelUnavailableError', 'http_409'],
    [{ status: 500, code: 'server_error' }, 'ModelUnavailableError', 'server_error'],
    [{ status: 503, code: 'server_is_overloaded' }, 'ModelUnavailableError', 'server_is_overloaded'],
    [{ status: 529 }, 'ModelUnavailableError', 'http_529'],
    [{ status: 400, code: 'unsupported_parameter' }, 'ModelRequestError', 'unsupported_parameter'],
    [{ status: 400, code: 'A Customer’s Words' }, 'ModelRequestError', 'http_400'],
    [{ status: 400, message: 'max_tokens is too large: 300000' }, 'ModelRequestError', 'http_400'],
    [{ status: 422 }, 'ModelRequestError', 'http_422'],
  ])('%j is %s %s', async (refusal, name, code) => {
    reply = refusing(refusal);
    expect(await failure()).toMatchObject({ name, code });
  });

  test.each<[string, Record<string, string>, number, string?]>([
    ['no header', {}, 5],
    ['retry-after-ms', { 'retry-after-ms': '2300', 'retry-after': '9' }, 3],
    ['retry-after in seconds', { 'retry-after': '20' }, 20],
    ['a part of a second', { 'retry-after': '0.2' }, 1],
    ['0', { 'retry-after': '0' }, 1],
    ['retry-after above a minute', { 'retry-after': '600' }, 600],
    ['retry-after as a date', { 'retry-after': new Date(NOW + 90_000).toUTCString() }, 90],
    ['a date that has passed', { 'retry-after': new Date(NOW - 90_000).toUTCString() }, 1],
    ['more than a day', { 'retry-after': '99999999999' }, 86_400],
    ['nonsense', { 'retry-after': '-1', 'retry-after-ms': 'soon' }, 5],
    ['words', { 'retry-after': 'in a while' }, 5],
    ['used-up requests', { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '1m2.5s' }, 63],
    ['used-up tokens', { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '6m0s' }, 360],
    ['milliseconds', { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '12ms' }, 1],
    ['hours', { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '1h2m3.5s' }, 3_724],
    [
      'the one that is used up, not the other',
      {
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-requests': '8s',
        'x-ratelimit-remaining-tokens': '90000',
        'x-ratelimit-reset-tokens': '40s',
      },
      8,
    ],
    [
      'the later one when both are',
      {
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-requests': '8s',
        'x-ratelimit-remaining-tokens': '0',
        'x-ratelimit-reset-tokens': '40s',
      },
      40,
    ],
    ['the one that the type names', { 'x-ratelimit-remaining-tokens': '300', 'x-ratelimit-reset-tokens': '7s' }, 7, 'tokens'],
    ['a reset of another shape', { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': 'tomorrow' }, 5],
  ])('429 with %s waits', async (_name, headers, seconds, type = 'rate_limit_error') => {
    reply = refusing({ status: 429, code: 'rate_limit_exceeded', type, headers });
    expect((await failure()).retryAfterSeconds).toBe(seconds);
  });

  test('a web page instead of an error is known by its status, and is cut short', async () => {
    reply = (response) => {
      response.writeHead(502, { 'content-type': 'text/html' });
      response.end(`<html>${'<p>Bad\ngateway</p>'.repeat(500)}</html>`);
    };
    expect(await failure()).toMatchObject({ name: 'ModelUnavailableError', code: 'http_502' });
  });

  test('the endpoint’s message is told, the key in it is not', async () => {
    reply = refusing({
      status: 401,
      code: 'invalid_api_key',
      message: `Incorrect API key provided: ${KEY}. Or sk-proj-****i789? See “keys”.`,
    });
    expect((await failure()).message).toBe('The model endpoint answered 401: Incorrect API key provided: [key]. Or [key] See “keys”.');
  });

  test('a key of another make is not told either', async () => {
    reply = refusing({ status: 401, message: 'The key AIza-0123456789 is not valid.' });
    expect((await failure({ apiKey: 'AIza-0123456789' })).message).toBe('The model endpoint answered 401: The key [key] is not valid.');
  });
});

describe('a call without an answer', () => {
  test('a dropped connection', async () => {
    reply = (response) => response.destroy();
    expect(await failure()).toMatchObject({ name: 'ModelUnavailableError', code: 'network' });
  });

  test('a connection dropped in the middle of the body', async () => {
    reply = (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '5000' });
      response.write('{"choices":', () => response.destroy());
    };
    expect(await failure()).toMatchObject({ name: 'ModelUnavailableError', code: 'network' });
  });

  test('nobody listens', async () => {
    const gone = await loopbackServer(() => undefined);
    await gone.close();
    const summarizer = openAiSummarizer({ apiKey: KEY, baseUrl: gone.url });
    await expect(summarizer.summarize(request, {})).rejects.toMatchObject({
      name: 'ModelUnavailableError',
      code: 'network',
      message: 'The connection to the model endpoint failed: ECONNREFUSED',
    });
  });

  test.each<[string, Reply]>([
    ['before the headers', () => undefined],
    [
      'in the body',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"choices":');
      },
    ],
    [
      'in the body of an error',
      (response) => {
        response.writeHead(500, { 'content-type': 'application/json' });
        response.write('{"error":');
      },
    ],
  ])('silence %s ends with the time-out', async (_name, silent) => {
    reply = silent;
    expect(await failure({ timeoutMs: 1_000 })).toMatchObject({ name: 'ModelUnavailableError', code: 'timeout' });
  });

  test.each<[string, Reply]>([
    ['before the headers', () => undefined],
    [
      'in the body',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"choices":');
      },
    ],
  ])('an abort %s throws the signal’s reason', async (_name, silent) => {
    const controller = new AbortController();
    const reason = new Error('The function’s time is over.');
    reply = (response) => {
      silent(response);
      controller.abort(reason);
    };
    await expect(summarize({ signal: controller.signal })).rejects.toBe(reason);
    expect(server.requests.length).toBe(1);
  });

  test('a signal that is aborted already sends nothing', async () => {
    await expect(summarize({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(server.requests.length).toBe(0);
  });
});

describe('the key', () => {
  test('is asked before every call', async () => {
    const keys = ['first-key', 'second-key'];
    reply = ok(completion);
    const summarizer = openAiSummarizer({ apiKey: async () => keys.shift()!, baseUrl: server.url });
    await summarizer.summarize(request, {});
    await summarizer.summarize(request, {});
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer first-key', 'Bearer second-key']);
  });

  test('that cannot be got is the error of the one who gets it', async () => {
    const error = new ConfigError('The secret is empty.');
    const summarizer = openAiSummarizer({ apiKey: () => Promise.reject(error), baseUrl: server.url });
    await expect(summarizer.summarize(request, {})).rejects.toBe(error);
  });

  test.each([[''], ['sk-two words'], ['sk-schlüssel']])('that no header can carry is refused unspoken: %j', async (apiKey) => {
    const error = await summarize({ apiKey }).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ name: 'ModelAccessError', code: 'invalid_api_key' });
    expect((error as Error).message).not.toContain('sk-');
    expect(server.requests.length).toBe(0);
  });
});

test('a base URL that is none is refused before any call', () => {
  expect(() => openAiSummarizer({ apiKey: KEY, baseUrl: 'api.example.com' })).toThrow(ConfigError);
});
