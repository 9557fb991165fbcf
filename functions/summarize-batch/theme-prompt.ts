import { sentiments } from '../shared/claim.ts';
import { MAX_ASKED_THEMES } from '../shared/limits.ts';

/** The part of an answer's schema that holds its themes. */
export const themesSchema = {
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
export const THEMES_SHAPE = '"themes":[{"theme":"...","sentiment":"positive","statement":"...","evidence":[{"row":1,"quote":"..."}]}]';

/** What the themes of an answer are to be. */
export const themesRule = [
  `themes: up to ${MAX_ASKED_THEMES} subjects that the rows speak of, those of the most rows first. theme is its name in one to three words; where rows ` +
    'feel differently about it, give it once for each sentiment (positive, negative, neutral or mixed), under the same name. statement is one short ' +
    'sentence on what these rows say. evidence lists every row that says so, by its number, and no other row. quote is copied letter for letter from ' +
    'that row, at most twelve words; give quotes for up to three rows of each theme and leave the others "".',
].join(' ');

const EVIDENCE_TOKENS_PER_ROW = 40;
const TOKENS_PER_THEME = 160;

/** Longest that the themes of so many rows are in an answer, in tokens: two citations a row, and a name, a statement and three quotes a theme. */
export const themesTokens = (rows: number): number => rows * EVIDENCE_TOKENS_PER_ROW + MAX_ASKED_THEMES * TOKENS_PER_THEME;
