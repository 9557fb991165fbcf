import type { Damage } from './answer-damage.ts';
import { type Completion, errorBody } from './completion.ts';

/** What goes wrong with one request, as it was seen with OpenAI's API or with gateways before it. */
export type Fault =
  /** An HTTP error with OpenAI's error body; `code`, `type` and `message` default to what the API sends with that status. */
  | { kind: 'status'; status: number; code?: string; type?: string; retryAfterSeconds?: number; message?: string }
  /** The connection ends without a byte of answer: `before` the model ran, or `after`, when the answer is already paid. */
  | { kind: 'drop'; when: 'before' | 'after' }
  /** Status 200 with a web page, as a gateway or a captive portal sends it. */
  | { kind: 'html' }
  /** Status 200 whose JSON ends in the middle. */
  | { kind: 'truncated' }
  /** Status 200 with an empty `choices` array. */
  | { kind: 'empty-choices' }
  /** A completion whose content is the empty string. */
  | { kind: 'empty' }
  /** Half of the answer, finish_reason `length`. */
  | { kind: 'length' }
  /** An answer of JSON whose value is not as it should be; any other answer is left as it is. */
  | { kind: 'damaged'; damage: Damage }
  /** No content, a refusal in its place. */
  | { kind: 'refusal' }
  /** No content, finish_reason `content_filter`. */
  | { kind: 'content-filter' }
  /** No answer at all, until one of the sides closes the connection. */
  | { kind: 'hang' };

export type FaultKind = Fault['kind'];

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** True for faults that strike after the model has answered: those requests cost money. */
export const isPaid = (fault: Fault | undefined): boolean => {
  if (fault?.kind === 'drop') return fault.when === 'after';
  return !['status', 'html', 'hang'].includes(fault?.kind ?? 'none');
};

/** The reply to an unpaid request that still gets one. */
export const unpaidReply = (fault: Extract<Fault, { kind: 'status' | 'html' }>): Reply =>
  fault.kind === 'html' ? webPage() : statusReply(fault);

/** The reply to a paid request: the completion as it is, or as the fault leaves it. */
export const paidReply = (completion: Completion, fault: Fault | undefined): Reply => {
  const body = JSON.stringify(fault ? damaged(completion, fault) : completion);
  return jsonReply(200, fault?.kind === 'truncated' ? body.slice(0, body.length / 2) : body);
};

export const jsonReply = (status: number, body: string, headers: Record<string, string> = {}): Reply => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body,
});

const damaged = (completion: Completion, fault: Fault): Completion => {
  const choice = completion.choices[0]!;
  const characters = [...(choice.message.content ?? '')];
  const withMessage = (message: Partial<typeof choice.message>, reason = choice.finish_reason): Completion => ({
    ...completion,
    choices: [{ ...choice, message: { ...choice.message, ...message }, finish_reason: reason }],
  });
  switch (fault.kind) {
    case 'empty-choices':
      return { ...completion, choices: [] };
    case 'empty':
      return withMessage({ content: '' });
    case 'length':
      return withMessage({ content: characters.slice(0, characters.length / 2).join('') }, 'length');
    case 'damaged':
      return withMessage({ content: damagedText(choice.message.content ?? '', fault.damage) });
    case 'refusal':
      return withMessage({ content: null, refusal: "I'm sorry, but I can't help with that." });
    case 'content-filter':
      return withMessage({ content: '' }, 'content_filter');
    default:
      return completion;
  }
};

const damagedText = (text: string, damage: Damage): string => {
  try {
    return JSON.stringify(damage(JSON.parse(text)));
  } catch {
    return text;
  }
};

interface ErrorDefaults {
  type: string;
  code: string | null;
  message: string;
}

/** https://platform.openai.com/docs/guides/error-codes */
const errorDefaults: Record<number, ErrorDefaults> = {
  401: { type: 'invalid_request_error', code: 'invalid_api_key', message: 'Incorrect API key provided.' },
  403: {
    type: 'invalid_request_error',
    code: 'unsupported_country_region_territory',
    message: 'Country, region, or territory not supported.',
  },
  404: { type: 'invalid_request_error', code: 'model_not_found', message: 'The model does not exist or you do not have access to it.' },
  429: { type: 'requests', code: 'rate_limit_exceeded', message: 'Rate limit reached for requests.' },
};
const otherClientError: ErrorDefaults = { type: 'invalid_request_error', code: null, message: 'Invalid request.' };
const serverError: ErrorDefaults = {
  type: 'server_error',
  code: null,
  message: 'The server had an error while processing your request.',
};

const statusReply = (fault: Extract<Fault, { kind: 'status' }>): Reply => {
  const defaults = errorDefaults[fault.status] ?? (fault.status >= 500 ? serverError : otherClientError);
  const body = errorBody(fault.message ?? defaults.message, fault.type ?? defaults.type, fault.code ?? defaults.code);
  return jsonReply(fault.status, JSON.stringify(body), retryAfterHeaders(fault.retryAfterSeconds));
};

/** `retry-after` in whole seconds, as HTTP wants it, and beside it `retry-after-ms`, which OpenAI's SDK prefers. */
const retryAfterHeaders = (seconds: number | undefined): Record<string, string> =>
  seconds === undefined ? {} : { 'retry-after': String(Math.ceil(seconds)), 'retry-after-ms': String(Math.round(seconds * 1000)) };

const webPage = (): Reply => ({
  status: 200,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: '<!doctype html><html><head><title>Please wait</title></head><body><h1>We will be right back</h1></body></html>',
});
