import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect } from '@jest/globals';
import { openAiSummarizer } from '../../../../functions/shared/adapters/openai-summarizer.ts';
import type { PipelineError } from '../../../../functions/shared/errors.ts';
import type { SummaryRequest } from '../../../../functions/shared/ports.ts';
import { type LoopbackServer, loopbackServer, sendJson } from './loopback-server.ts';

export const KEY = 'sk-proj-Abc123Def456Ghi789';
export const NOW = Date.UTC(2026, 10, 23, 12, 0, 0);

export type Reply = (response: ServerResponse) => void;

export const request: SummaryRequest = {
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

export interface Refusal {
  status: number;
  code?: unknown;
  type?: string;
  message?: string;
  headers?: Record<string, string>;
}

export const refusing =
  ({ status, code = null, type = 'invalid_request_error', message = 'No.', headers }: Refusal): Reply =>
  (response) =>
    sendJson(response, status, { error: { message, type, param: null, code } }, headers);

interface CallOptions {
  signal?: AbortSignal;
  timeoutMs?: number;
  request?: Partial<SummaryRequest>;
  apiKey?: string;
}

/** Calls of a summarizer to a server of the suite's own, which expects no request until a test sets `reply`. */
export function openAiBench() {
  let server: LoopbackServer;
  const bench = {
    reply: unexpected,
    get url() {
      return server.url;
    },
    get requests() {
      return server.requests;
    },
    summarize,
    failure,
  };

  beforeAll(async () => {
    server = await loopbackServer((_request, response) => bench.reply(response));
  });
  afterAll(() => server.close());
  beforeEach(() => {
    server.requests.length = 0;
    bench.reply = unexpected;
  });

  function summarize(options: CallOptions = {}) {
    const summarizer = openAiSummarizer({
      apiKey: options.apiKey ?? KEY,
      baseUrl: `${server.url}/v1/`,
      now: () => NOW,
      timeoutMs: options.timeoutMs,
    });
    return summarizer.summarize({ ...request, ...options.request }, { signal: options.signal });
  }

  /** The error of one call, and the proof that there was one request and that the key is nowhere in the error. */
  async function failure(options: CallOptions = {}): Promise<PipelineError & { retryAfterSeconds?: number; usage?: object }> {
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

  return bench;
}

const unexpected: Reply = () => {
  throw new Error('This test expects no request.');
};
