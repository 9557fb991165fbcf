import { hash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AnswerAccount } from './answer-account.ts';
import { type FaultKind, faultPlan } from './fault-plan.ts';
import type { FromModel, ModelOptions, ToModel } from './open-model.ts';

/**
 * A model server for measuring what is around a model, in a process of its own that open-model.ts starts: it takes every request for a chat
 * completion, parses none, and answers after its latency with a summary of usual length that the request's bytes decide.
 */
const words =
  'Customers praise the battery and the support, and regret the dim screen, late delivery and a price that many find too high. ';
const SUMMARY = words.repeat(4).trimEnd();
const BYTES_PER_TOKEN = 4;
/** Longer than any pause between two calls. */
const KEEP_ALIVE_MS = 120_000;
const RETRY_AFTER_SECONDS = 1;

let options: ModelOptions = { latencyMs: 0, faults: null };
let faultOf: (requestIndex: number) => FaultKind | undefined = () => undefined;
let account = new AnswerAccount();

function completion(requestKey: string, requestBytes: number): string {
  const content = `Batch ${requestKey.slice(0, 12)}: ${SUMMARY}`;
  const promptTokens = Math.ceil(requestBytes / BYTES_PER_TOKEN);
  const completionTokens = Math.ceil(content.length / BYTES_PER_TOKEN);
  return JSON.stringify({
    ...{ id: `chatcmpl-${requestKey.slice(0, 12)}`, object: 'chat.completion', created: 1_764_100_000, model: 'bench' },
    choices: [{ index: 0, message: { role: 'assistant', content, refusal: null }, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens },
  });
}

function send(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers });
  response.end(body);
}

const errorBody = (type: string, code: string | null) =>
  JSON.stringify({ error: { message: 'The server refused this request.', type, param: null, code } });

async function reply(response: ServerResponse, body: Buffer, requestIndex: number, counted: AnswerAccount): Promise<void> {
  const fault = faultOf(requestIndex);
  if (fault) counted.struck(fault);
  if (fault === '500') return send(response, 500, errorBody('server_error', null));
  if (fault === '429')
    return send(response, 429, errorBody('requests', 'rate_limit_exceeded'), { 'retry-after': String(RETRY_AFTER_SECONDS) });
  if (fault === 'drop') return void response.socket?.destroy();
  if (fault === 'hang') return;
  if (options.latencyMs > 0) await sleep(options.latencyMs);
  const requestKey = hash('sha1', body);
  const answer = completion(requestKey, body.length);
  counted.answered(requestKey, performance.now());
  if (fault !== 'cut') return send(response, 200, answer);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) });
  response.write(answer.slice(0, answer.length / 2), () => response.socket?.destroy());
}

const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
  const counted = account;
  const requestIndex = counted.arrived(performance.now());
  response.on('close', () => counted.left());
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => void reply(response, Buffer.concat(chunks), requestIndex, counted));
});

const tell = (message: FromModel) => process.send?.(message);

process.on('message', (message: ToModel) => {
  if (message.kind === 'begin') {
    options = message.options;
    faultOf = options.faults ? faultPlan(options.faults.period, options.faults.seed) : () => undefined;
    account = new AnswerAccount();
  }
  tell({ kind: 'stats', stats: account.stats() });
});
// The benchmark is gone: nobody asks any more.
process.on('disconnect', () => process.exit());
// Ctrl-C reaches the whole group; the benchmark decides.
process.on('SIGINT', () => {});

server.listen(0, '127.0.0.1', () => tell({ kind: 'ready', baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` }));
