import { setTimeout as sleep } from 'node:timers/promises';
import { rowsOfRequest } from './chat-request.ts';
import { type ChatRequest, completionOf, errorBody, maxOutputTokensOf, promptTokensOf } from './completion.ts';
import { extractiveSummary } from './extractive-summary.ts';
import { type Fault, type FaultKind, isPaid, jsonReply, paidReply, type Reply, unpaidReply } from './faults.ts';
import { type RateLimits, rateLimiter } from './rate-limits.ts';
import { schemaNameOf, structuredAnswer } from './structured-answers.ts';

/** What the model says to the rows of a request. */
export type Answer = (rows: string[], request: ChatRequest) => string;

export interface ChatEndpointOptions {
  /** How long each answer takes; a function gets the 0-based number of the request. @default 0 */
  latencyMs?: number | ((requestIndex: number) => number);
  /** @default extractiveAnswer */
  answer?: Answer;
  /** Keeps every chat request in `requests`. @default false */
  record?: boolean;
  /** What goes wrong with the request of that 0-based number; undefined lets it pass. @default nothing goes wrong */
  faults?: (requestIndex: number, request: ChatRequest) => Fault | undefined;
  /** Announced in headers, enforced with 429. @default none */
  rateLimits?: RateLimits;
  /**
   * What becomes of a request's JSON schema: it is followed; refused with a 400, as by servers that have none; or ignored, and the JSON that the
   * words ask for comes in a code fence with words around it. @default 'followed'
   */
  schemas?: 'followed' | 'refused' | 'ignored';
}

export interface ModelServerStats {
  /** Well-formed chat requests received. */
  requests: number;
  /** Answers generated, hence paid, also those that a fault damaged or lost on the way. */
  answers: number;
  /** Prompt tokens of the paid answers. */
  inputTokens: number;
  /** Completion tokens of the paid answers, as generated. */
  outputTokens: number;
  /** The requests by what became of them: `rate-limited` are those over `rateLimits`, `schema-refused` those with a schema where `schemas` refuses it, `error` those whose `answer` threw. */
  outcomes: Partial<Record<Outcome, number>>;
}

type Outcome = 'answered' | 'rate-limited' | 'schema-refused' | 'error' | FaultKind;

export interface ChatEndpoint {
  requests: ChatRequest[];
  stats(): ModelServerStats;
  /** The reply to a request, or that there will be none. @throws AbortError: when `signal` fires during the latency */
  reply(request: ChatRequest, signal: AbortSignal): Promise<Reply | 'drop' | 'hang'>;
}

/** The answer of a server without options. */
export const extractiveAnswer: Answer = (rows, request) =>
  structuredAnswer(rows, request) ?? extractiveSummary(rows, maxOutputTokensOf(request));

/** An answer that costs nothing, for measuring everything around the model: with it the rows are not even parsed. */
export const instantAnswer: Answer = () => 'Offline instant answer, no language model.';

/** As OpenAI's API says it of models without structured output. */
const schemaRefusal = errorBody(
  "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
  'invalid_request_error',
  null,
  'response_format',
);

/** The chat-completions endpoint without HTTP: limits, faults, latency, answer and the account of it all. */
export const chatEndpoint = (options: ChatEndpointOptions): ChatEndpoint => {
  const answer = options.answer ?? extractiveAnswer;
  const limiter = options.rateLimits && rateLimiter(options.rateLimits);
  const requests: ChatRequest[] = [];
  const totals = { requests: 0, answers: 0, inputTokens: 0, outputTokens: 0 };
  const outcomes: ModelServerStats['outcomes'] = {};
  const count = (outcome: Outcome): void => {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  };

  const spoken = (text: string, request: ChatRequest): string =>
    options.schemas === 'ignored' && schemaNameOf(request) !== undefined
      ? `Sure! Here is the JSON you asked for:\n\n\`\`\`json\n${text}\n\`\`\`\n\nLet me know if you need anything else.`
      : text;

  const generate = (request: ChatRequest, requestIndex: number, fault: Fault | undefined): Reply | 'drop' => {
    const rows = answer === instantAnswer ? [] : rowsOfRequest(request);
    const completion = completionOf(request, spoken(answer(rows, request), request), `chatcmpl-offline-${requestIndex}`);
    totals.answers += 1;
    totals.inputTokens += completion.usage.prompt_tokens;
    totals.outputTokens += completion.usage.completion_tokens;
    return fault?.kind === 'drop' ? 'drop' : paidReply(completion, fault);
  };

  const respond = async (request: ChatRequest, requestIndex: number, signal: AbortSignal): Promise<Reply | 'drop' | 'hang'> => {
    const waitSeconds = limiter?.take(promptTokensOf(request) + (maxOutputTokensOf(request) ?? 0), Date.now()) ?? 0;
    if (waitSeconds > 0) {
      count('rate-limited');
      return unpaidReply({ kind: 'status', status: 429, retryAfterSeconds: waitSeconds });
    }
    if (options.schemas === 'refused' && schemaNameOf(request) !== undefined) {
      count('schema-refused');
      return jsonReply(400, JSON.stringify(schemaRefusal));
    }
    const fault = options.faults?.(requestIndex, request);
    count(fault?.kind ?? 'answered');
    if (fault?.kind === 'hang') return 'hang';
    if (fault?.kind === 'drop' && !isPaid(fault)) return 'drop';
    const latencyMs = typeof options.latencyMs === 'function' ? options.latencyMs(requestIndex) : (options.latencyMs ?? 0);
    if (latencyMs > 0) await sleep(latencyMs, undefined, { signal });
    return fault?.kind === 'status' || fault?.kind === 'html' ? unpaidReply(fault) : generate(request, requestIndex, fault);
  };

  return {
    requests,
    stats: () => ({ ...totals, outcomes: { ...outcomes } }),
    async reply(request, signal) {
      const requestIndex = totals.requests++;
      if (options.record) requests.push(request);
      const reply = await respond(request, requestIndex, signal).catch((error: unknown) => {
        if (signal.aborted) throw error;
        count('error');
        return jsonReply(500, JSON.stringify(errorBody(String(error), 'server_error')));
      });
      if (typeof reply === 'string' || !limiter) return reply;
      return { ...reply, headers: { ...reply.headers, ...limiter.headers(Date.now()) } };
    },
  };
};
