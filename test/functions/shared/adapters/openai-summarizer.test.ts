import { describe, expect, test } from '@jest/globals';
import { openAiSummarizer } from '../../../../functions/shared/adapters/openai-summarizer.ts';
import { ConfigError } from '../../../../functions/shared/errors.ts';
import type { SummaryRequest } from '../../../../functions/shared/ports.ts';
import { sendJson } from './loopback-server.ts';
import { KEY, NOW, openAiBench, type Reply, refusing, request } from './openai-bench.ts';

const bench = openAiBench();
const { summarize, failure } = bench;

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
    bench.reply = ok(completion);
    await summarize({ request: changes });
    const [received] = bench.requests;
    expect(received).toMatchObject({ method: 'POST', path: '/v1/chat/completions', headers: { authorization: `Bearer ${KEY}` } });
    expect(JSON.parse(received!.body)).toEqual(expected);
  });
});

describe('the answer', () => {
  test('is trimmed text with what the endpoint says of it', async () => {
    const times = [NOW, NOW + 1_234.4];
    bench.reply = ok(completion, { 'x-request-id': 'req_7' });
    const summarizer = openAiSummarizer({ apiKey: KEY, baseUrl: bench.url, now: () => times.shift()! });
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
    bench.reply = ok({ ...completion, usage: { ...completion.usage, ...details } });
    const told = { inputTokens: 40, outputTokens: 5, cachedInputTokens: 30, reasoningTokens: 2 };
    expect((await summarize()).usage).toEqual(told);
    bench.reply = ok({ ...completion, usage: { ...completion.usage, prompt_tokens_details: null, completion_tokens_details: 'none' } });
    expect((await summarize()).usage).toStrictEqual({ inputTokens: 40, outputTokens: 5 });
  });

  test('of a server that says less falls back to what was asked', async () => {
    bench.reply = ok({ choices: [{ message: { content: 'Fine.' } }] });
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
    bench.reply = ok(completion, {
      'x-ratelimit-limit-requests': '600',
      'x-ratelimit-remaining-requests': '599',
      'x-ratelimit-reset-requests': '100ms',
    });
    const limits = { requests: { limit: 600, remaining: 599, resetSeconds: 0.1 } };
    expect((await summarize()).limits).toEqual(limits);
    bench.reply = refusing({
      status: 429,
      headers: { 'x-ratelimit-limit-tokens': '1000', 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '1m0s' },
    });
    bench.requests.length = 0;
    expect(await failure()).toMatchObject({ limits: { tokens: { limit: 1000, remaining: 0, resetSeconds: 60 } } });
  });

  test('that was cut is kept and marked', async () => {
    bench.reply = ok(answering({ content: 'Half of a' }, 'length'));
    await expect(summarize()).resolves.toMatchObject({ text: 'Half of a', finishReason: 'length' });
  });

  test.each<[string, object, string]>([
    ['a refusal', answering({ content: null, refusal: 'I cannot help with that.' }), 'refusal'],
    ['a filtered answer', answering({ content: 'Half' }, 'content_filter'), 'content_filter'],
    ['an empty answer', answering({ content: ' \n ' }), 'empty'],
    ['no text at all', answering({ content: null }, 'length'), 'empty'],
  ])('%s is a paid completion that is no summary', async (_name, body, code) => {
    bench.reply = ok(body);
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
    bench.reply = broken;
    expect(await failure()).toMatchObject({ name: 'ModelUnavailableError', code: 'invalid_response' });
  });
});

describe('the key', () => {
  test('is asked before every call', async () => {
    const keys = ['first-key', 'second-key'];
    bench.reply = ok(completion);
    const summarizer = openAiSummarizer({ apiKey: async () => keys.shift()!, baseUrl: bench.url });
    await summarizer.summarize(request, {});
    await summarizer.summarize(request, {});
    expect(bench.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer first-key', 'Bearer second-key']);
  });

  test('that cannot be got is the error of the one who gets it', async () => {
    const error = new ConfigError('The secret is empty.');
    const summarizer = openAiSummarizer({ apiKey: () => Promise.reject(error), baseUrl: bench.url });
    await expect(summarizer.summarize(request, {})).rejects.toBe(error);
  });

  test.each([[''], ['sk-two words'], ['sk-schlüssel']])('that no header can carry is refused unspoken: %j', async (apiKey) => {
    const error = await summarize({ apiKey }).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ name: 'ModelAccessError', code: 'invalid_api_key' });
    expect((error as Error).message).not.toContain('sk-');
    expect(bench.requests.length).toBe(0);
  });
});

test('a base URL that is none is refused before any call', () => {
  expect(() => openAiSummarizer({ apiKey: KEY, baseUrl: 'api.example.com' })).toThrow(ConfigError);
});
