/** The one model this server offers. */
export const offlineModel = 'offline-extractive';

/** The part of a chat-completions request that this server reads; the other fields are kept for `faults`, `answer` and the recording. */
export interface ChatRequest {
  model: string;
  messages: ChatMessage[];
  max_tokens?: number | null;
  max_completion_tokens?: number | null;
  [field: string]: unknown;
}

export interface ChatMessage {
  role: string;
  /** Plain text, or the parts form `[{ type: 'text', text }]`. */
  content: string | { type: string; text?: string }[] | null;
}

export type FinishReason = 'stop' | 'length' | 'content_filter';

export interface Completion {
  id: string;
  object: 'chat.completion';
  created: number;
  model: string;
  choices: {
    index: number;
    message: { role: 'assistant'; content: string | null; refusal: string | null };
    logprobs: null;
    finish_reason: FinishReason;
  }[];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
  service_tier: 'default';
  system_fingerprint: null;
}

/** The error body of OpenAI's API: https://platform.openai.com/docs/guides/error-codes */
export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

const bytesPerToken = 4;

/** The tokens of `text`, estimated as one for every four UTF-8 bytes, rounded up. */
export const estimateTokens = (text: string): number => Math.ceil(Buffer.byteLength(text) / bytesPerToken);

/** The longest beginning of `text` that the estimate counts as at most `tokens`, never ending inside a character. */
export const cutToTokens = (text: string, tokens: number): string => {
  const maxBytes = tokens * bytesPerToken;
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
};

/** The text of a message, its parts joined. */
export const messageText = ({ content }: ChatMessage): string =>
  typeof content === 'string' ? content : (content ?? []).map((part) => part.text ?? '').join('');

/** The request's limit of output tokens, by its new name or its old one. */
export const maxOutputTokensOf = (request: ChatRequest): number | undefined =>
  request.max_completion_tokens ?? request.max_tokens ?? undefined;

export const promptTokensOf = (request: ChatRequest): number =>
  request.messages.reduce((tokens, message) => tokens + estimateTokens(messageText(message)), 0);

/** The completion that carries `answer`, cut with finish_reason `length` where it is longer than the request allows. */
export const completionOf = (request: ChatRequest, answer: string, id: string): Completion => {
  const maxOutputTokens = maxOutputTokensOf(request);
  const content = maxOutputTokens === undefined ? answer : cutToTokens(answer, maxOutputTokens);
  const promptTokens = promptTokensOf(request);
  const completionTokens = estimateTokens(content);
  return {
    id,
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model: offlineModel,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, refusal: null },
        logprobs: null,
        finish_reason: content.length < answer.length ? 'length' : 'stop',
      },
    ],
    usage: { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens },
    service_tier: 'default',
    system_fingerprint: null,
  };
};

export const errorBody = (message: string, type: string, code: string | null = null, param: string | null = null): ErrorBody => ({
  error: { message, type, param, code },
});
