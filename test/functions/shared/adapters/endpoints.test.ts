import { afterEach, expect, jest, test } from '@jest/globals';
import { openAiSummarizer } from '../../../../functions/shared/adapters/openai-summarizer.ts';

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});

/** What the SDK sends to an endpoint that is not there. */
async function sentTo(baseUrl: string | undefined) {
  const fetch = jest.fn(async (_url: unknown, _init?: RequestInit) =>
    Response.json({ model: 'm', choices: [{ finish_reason: 'stop', message: { content: 'good' } }] }),
  );
  globalThis.fetch = fetch as typeof globalThis.fetch;
  const request = { model: 'gpt-6-luna', messages: [], temperature: 0.3, maxOutputTokens: 250, serviceTier: null, format: null };
  await openAiSummarizer({ apiKey: 'the-key', baseUrl }).summarize(request, {});
  const [url, init] = fetch.mock.calls[0]!;
  const headers = new Headers(init?.headers);
  return { url: String(url), authorization: headers.get('authorization'), apiKey: headers.get('api-key') };
}

test.each([
  ['OpenAI', undefined, 'https://api.openai.com/v1/chat/completions'],
  [
    'Bedrock',
    'https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1',
    'https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1/chat/completions',
  ],
  ['a server that only looks like Azure', 'https://azure.com.example/v1/', 'https://azure.com.example/v1/chat/completions'],
])('%s gets the key as a bearer token', async (_, baseUrl, url) => {
  expect(await sentTo(baseUrl)).toEqual({ url, authorization: 'Bearer the-key', apiKey: null });
});

test.each(['https://our-resource.openai.azure.com/openai/v1/', 'https://our-resource.services.ai.azure.com/openai/v1'])(
  '%s gets it in the header of Azure, and there alone',
  async (baseUrl) => {
    const url = `${baseUrl.replace(/\/$/, '')}/chat/completions`;
    expect(await sentTo(baseUrl)).toEqual({ url, authorization: null, apiKey: 'the-key' });
  },
);
