import { type ChatRequest, type ErrorBody, errorBody, messageText } from './completion.ts';

/** The request in a body, or the 400 that OpenAI's API would answer. */
export const parseChatRequest = (body: string): { request: ChatRequest } | { problem: ErrorBody } => {
  const parsed = parseJson(body);
  if (parsed === undefined) {
    return { problem: errorBody('We could not parse the JSON body of your request.', 'invalid_request_error') };
  }
  const fields = isObject(parsed) ? parsed : {};
  if (typeof fields.model !== 'string') return { problem: missing('model') };
  if (!Array.isArray(fields.messages) || fields.messages.length === 0) return { problem: missing('messages') };
  const wrong = fields.messages.findIndex((message) => !isMessage(message));
  if (wrong >= 0) return { problem: invalid(`messages[${wrong}]`) };
  for (const name of ['max_tokens', 'max_completion_tokens']) {
    const limit = fields[name] ?? 1;
    if (!Number.isInteger(limit) || (limit as number) < 1) return { problem: invalid(name) };
  }
  return { request: fields as ChatRequest };
};

/**
 * The texts that the user messages hold: the strings of a JSON array (rows), or of each object of a JSON array its `text` (a numbered row) or
 * its `summary` (a part of a merge).
 * Anything else counts as one row.
 */
export const rowsOfRequest = ({ messages }: ChatRequest): string[] =>
  messages.filter(({ role }) => role === 'user').flatMap((message) => rowsOfText(messageText(message)));

const rowsOfText = (text: string): string[] => {
  const parsed = parseJson(text);
  if (!Array.isArray(parsed)) return [text];
  const rows = parsed.map((item: unknown) => (isObject(item) ? (item.text ?? item.summary) : item));
  return rows.every((row) => typeof row === 'string') ? rows : [text];
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const isMessage = (value: unknown): boolean =>
  isObject(value) &&
  typeof value.role === 'string' &&
  (value.content === null || typeof value.content === 'string' || (Array.isArray(value.content) && value.content.every(isObject)));

const missing = (name: string): ErrorBody =>
  errorBody(`Missing required parameter: '${name}'.`, 'invalid_request_error', 'missing_required_parameter', name);

const invalid = (name: string): ErrorBody => errorBody(`Invalid value for '${name}'.`, 'invalid_request_error', 'invalid_value', name);
