import { describe, expect, test } from '@jest/globals';
import { openAiSummarizer } from '../../../../functions/shared/adapters/openai-summarizer.ts';
import { loopbackServer } from './loopback-server.ts';
import { KEY, NOW, openAiBench, type Refusal, type Reply, refusing, request } from './openai-bench.ts';

const bench = openAiBench();
const { summarize, failure } = bench;

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
    bench.reply = refusing(refusal);
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
    bench.reply = refusing({ status: 429, code: 'rate_limit_exceeded', type, headers });
    expect((await failure()).retryAfterSeconds).toBe(seconds);
  });

  test('a web page instead of an error is known by its status, and is cut short', async () => {
    bench.reply = (response) => {
      response.writeHead(502, { 'content-type': 'text/html' });
      response.end(`<html>${'<p>Bad\ngateway</p>'.repeat(500)}</html>`);
    };
    expect(await failure()).toMatchObject({ name: 'ModelUnavailableError', code: 'http_502' });
  });

  test('the endpoint’s message is told, the key in it is not', async () => {
    bench.reply = refusing({
      status: 401,
      code: 'invalid_api_key',
      message: `Incorrect API key provided: ${KEY}. Or sk-proj-****i789? See “keys”.`,
    });
    expect((await failure()).message).toBe('The model endpoint answered 401: Incorrect API key provided: [key]. Or [key] See “keys”.');
  });

  test('a key of another make is not told either', async () => {
    bench.reply = refusing({ status: 401, message: 'The key AIza-0123456789 is not valid.' });
    expect((await failure({ apiKey: 'AIza-0123456789' })).message).toBe('The model endpoint answered 401: The key [key] is not valid.');
  });
});

describe('a call without an answer', () => {
  test('a dropped connection', async () => {
    bench.reply = (response) => response.destroy();
    expect(await failure()).toMatchObject({ name: 'ModelUnavailableError', code: 'network' });
  });

  test('a connection dropped in the middle of the body', async () => {
    bench.reply = (response) => {
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

  const beginning =
    (status: number, body: string): Reply =>
    (response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.write(body);
    };
  const silences: [string, Reply][] = [
    ['before the headers', () => undefined],
    ['in the body', beginning(200, '{"choices":')],
    ['in the body of an error', beginning(500, '{"error":')],
  ];

  test.each(silences)('silence %s ends with the time-out', async (_name, silent) => {
    bench.reply = silent;
    expect(await failure({ timeoutMs: 1_000 })).toMatchObject({ name: 'ModelUnavailableError', code: 'timeout' });
  });

  test.each(silences)('an abort %s throws the signal’s reason', async (_name, silent) => {
    const controller = new AbortController();
    const reason = new Error('The function’s time is over.');
    bench.reply = (response) => {
      silent(response);
      controller.abort(reason);
    };
    await expect(summarize({ signal: controller.signal })).rejects.toBe(reason);
    expect(bench.requests.length).toBe(1);
  });

  test('a signal that is aborted already sends nothing', async () => {
    await expect(summarize({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(bench.requests.length).toBe(0);
  });
});
