import { afterEach, describe, expect, test } from '@jest/globals';
import { openAiSummarizer } from '../../../../functions/shared/adapters/openai-summarizer.ts';
import type { SummaryRequest } from '../../../../functions/shared/ports.ts';
import { type LoopbackServer, loopbackServer, sendJson } from './loopback-server.ts';

const format = { name: 'colours', schema: { type: 'object', properties: {}, required: [], additionalProperties: false } };
const request: SummaryRequest = {
  model: 'llama-3.1-8b',
  messages: [{ role: 'user', content: '["red"]' }],
  temperature: 0.3,
  maxOutputTokens: 250,
  serviceTier: null,
  format,
};
const completion = { choices: [{ finish_reason: 'stop', message: { content: '{"colours":[]}' } }] };
const responseFormat = { type: 'json_schema', json_schema: { name: 'colours', strict: true, schema: format.schema } };

let server: LoopbackServer;
afterEach(() => server.close());

/** A summarizer at a server that answers requests with a format as told, and others with a completion. @returns the formats it was sent, too. */
async function at(status: number, body: unknown) {
  server = await loopbackServer(({ body: sent }, response) => {
    const isFormatted = Object.hasOwn(JSON.parse(sent) as object, 'response_format');
    if (isFormatted) sendJson(response, status, body);
    else sendJson(response, 200, completion);
  });
  const summarizer = openAiSummarizer({ apiKey: 'none', baseUrl: `${server.url}/v1` });
  const formats = () =>
    server.requests.map(({ body: sent }) => (JSON.parse(sent) as { response_format?: unknown }).response_format ?? null);
  return { ask: (changes: Partial<SummaryRequest> = {}) => summarizer.summarize({ ...request, ...changes }, {}), formats };
}

test('a format is sent as a strict JSON schema, and none as nothing', async () => {
  const { ask, formats } = await at(200, completion);
  await expect(ask()).resolves.toMatchObject({ text: '{"colours":[]}' });
  await ask({ format: null });
  expect(formats()).toEqual([responseFormat, null]);
});

describe('an endpoint that refuses the format is asked without it, and not again with it', () => {
  test.each([
    [
      400,
      {
        error: {
          message: "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
          type: 'invalid_request_error',
          param: null,
          code: null,
        },
      },
    ],
    [400, { error: { message: 'Invalid value.', type: 'invalid_request_error', param: 'response_format', code: null } }],
    [400, { error: "'response_format.type' must be 'text' or 'json_object'" }],
    [400, { error: { message: 'Failed to initialize samplers: failed to parse grammar', code: 400, type: 'invalid_request_error' } }],
    [422, { error: { message: 'json_schema: extra fields not permitted', type: 'BadRequestError' } }],
    [404, { error: { message: 'No endpoints found that can handle the requested parameters: structured_outputs', code: 404 } }],
    [501, { error: { message: 'response_format is not implemented', type: 'not_supported' } }],
  ])('%d %j', async (status, body) => {
    const { ask, formats } = await at(status, body);
    await expect(ask()).resolves.toMatchObject({ text: '{"colours":[]}' });
    await ask();
    expect(formats()).toEqual([responseFormat, null, null]);
    // Another model of the same endpoint may know them.
    await ask({ model: 'other' });
    expect(formats()).toEqual([responseFormat, null, null, responseFormat, null]);
  });
});

test('an answer that broke the schema is asked for without it this once', async () => {
  const { ask, formats } = await at(400, {
    error: { message: 'Failed to validate JSON.', type: 'invalid_request_error', code: 'json_validate_failed' },
  });
  await ask();
  await ask();
  expect(formats()).toEqual([responseFormat, null, responseFormat, null]);
});

test.each([
  [400, { error: { message: 'Too many tokens for response_format.', code: 'context_length_exceeded' } }, 'ContextOverflowError'],
  [400, { error: { message: 'Unknown parameter: temperature', param: 'temperature' } }, 'ModelRequestError'],
  [401, { error: { message: 'No key for response_format', code: 'invalid_api_key' } }, 'ModelAccessError'],
  [429, { error: { message: 'Slow down with json_schema' } }, 'ModelThrottledError'],
  [500, { error: { message: 'response_format crashed' } }, 'ModelUnavailableError'],
])('%d %j is no refusal of the format', async (status, body, name) => {
  const { ask, formats } = await at(status, body);
  await expect(ask()).rejects.toMatchObject({ name });
  expect(formats()).toEqual([responseFormat]);
});
