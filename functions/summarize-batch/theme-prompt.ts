import { sentiments } from '../shared/claim.ts';
import { BYTES_PER_TOKEN, MAX_ASKED_THEMES } from '../shared/limits.ts';
import type { AnswerFormat, SummaryRequest } from '../shared/ports.ts';

/** The part of an answer's schema that holds its themes. */
const themesSchema = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      theme: { type: 'string' },
      sentiment: { type: 'string', enum: sentiments },
      statement: { type: 'string' },
      evidence: {
        type: 'array',
        items: {
          type: 'object',
          properties: { row: { type: 'integer' }, quote: { type: 'string' } },
          required: ['row', 'quote'],
          additionalProperties: false,
        },
      },
    },
    required: ['theme', 'sentiment', 'statement', 'evidence'],
    additionalProperties: false,
  },
} as const;

/** How the themes of an answer look, for endpoints that know no schemas. */
const THEMES_SHAPE = '"themes":[{"theme":"...","sentiment":"positive","statement":"...","evidence":[{"row":1,"quote":"..."}]}]';

/** What the themes of an answer are to be. */
const themesRule = [
  `The JSON has one field more, after the others: ${THEMES_SHAPE}`,
  `themes: up to ${MAX_ASKED_THEMES} subjects that the rows speak of, those of the most rows first. theme is its name in one to three words; where rows ` +
    'feel differently about it, give it once for each sentiment (positive, negative, neutral or mixed), under the same name. statement is one short ' +
    'sentence on what these rows say. evidence lists every row that says so, by its number, and no other row. quote is copied letter for letter from ' +
    'that row, at most twelve words; give quotes for up to three rows of each theme and leave the others "".',
].join('\n');

/** Upper estimate of the tokens that asking for themes adds to a request. */
export const THEMES_RULE_TOKENS = Math.ceil(Buffer.byteLength(themesRule) / BYTES_PER_TOKEN);

type ObjectSchema = { properties: Record<string, unknown>; required: readonly string[] };

/** A request of numbered rows for JSON, with themes beside what it asks for. @param tokens most that they may take in the answer. */
export function withThemes(request: SummaryRequest & { format: AnswerFormat }, tokens: number): SummaryRequest {
  const { format } = request;
  const { properties, required, ...rest } = format.schema as ObjectSchema;
  return {
    ...request,
    messages: request.messages.map((message) =>
      message.role === 'system' ? { ...message, content: `${message.content}\n${themesRule}` } : message,
    ),
    maxOutputTokens: request.maxOutputTokens + tokens,
    format: {
      name: `${format.name}_and_themes`,
      schema: { ...rest, properties: { ...properties, themes: themesSchema }, required: [...required, 'themes'] },
    },
  };
}
