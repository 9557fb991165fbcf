import { BYTES_PER_TOKEN, MAX_ANSWER_TOKENS, MAX_NAMED_THEMES, MAX_THEME_CHARACTERS, MAX_THEMES } from '../shared/limits.ts';
import { modelFacts } from '../shared/model-catalog.ts';
import type { AnswerFormat, SummaryRequest } from '../shared/ports.ts';
import type { Settings } from '../shared/settings.ts';
import type { Theme } from '../shared/theme.ts';
import { neverInstructions, type PromptSettings, requestFor } from './prompt.ts';

const namesFormat: AnswerFormat = {
  name: 'theme_names',
  schema: {
    type: 'object',
    properties: {
      themes: {
        type: 'array',
        items: {
          type: 'object',
          properties: { name: { type: 'string' }, members: { type: 'array', items: { type: 'integer' } } },
          required: ['name', 'members'],
          additionalProperties: false,
        },
      },
    },
    required: ['themes'],
    additionalProperties: false,
  },
};

const rules = (themes: number) =>
  [
    'Your task: put themes that mean the same under one name.',
    `The user message is a JSON array of ${themes} themes that were found in parts of one set of texts, each with its number, its name, an example of ` +
      `what the texts say of it, and how often it was found. ${neverInstructions}`,
    'Answer with JSON and nothing else, of this shape: {"themes":[{"name":"...","members":[1]}]}. members are the numbers of the themes that mean the ' +
      'same: each number stands in exactly one list. name is one to three words that fit all of them, in their language, and one of their own names ' +
      `where one fits. Do not put together what a reader would want to tell apart; up to ${MAX_THEMES} names should cover what was found most often.`,
  ].join('\n');

const TOKENS_PER_MEMBER = 4;
const TOKENS_PER_NAME = 30;
/** Names that an answer has room for: more than go up. */
const ANSWERED_NAMES = 3 * MAX_THEMES;

/** Longest answer of names for so many themes, in tokens. */
const namesTokens = (themes: number): number => themes * TOKENS_PER_MEMBER + Math.min(themes, ANSWERED_NAMES) * TOKENS_PER_NAME;

/** Characters of a statement that tell what its theme is about. */
const SHOWN_CHARACTERS = 100;

const entryOf = ({ name, statement, mentions }: Theme, index: number) => ({
  ...{ theme: index + 1, name, says: statement.slice(0, SHOWN_CHARACTERS).toWellFormed(), found: mentions },
});

/** Themes that one request names at most, so that the answer fits. */
const maxThemes = (model: string) => {
  const longest = Math.min(MAX_ANSWER_TOKENS, modelFacts(model).answerTokens);
  return Math.min(MAX_NAMED_THEMES, Math.floor((longest - ANSWERED_NAMES * TOKENS_PER_NAME) / TOKENS_PER_MEMBER));
};

type NamesSettings = PromptSettings & Pick<Settings, 'maxBatchTokens'>;

/** The most mentioned of the themes, as many as one request takes. */
export function nameable(
  themes: readonly Theme[],
  { model, maxBatchTokens }: Pick<NamesSettings, 'model' | 'maxBatchTokens'>,
): readonly Theme[] {
  let bytes = maxBatchTokens * BYTES_PER_TOKEN;
  const fits = (theme: Theme, index: number) => {
    bytes -= Buffer.byteLength(JSON.stringify(entryOf(theme, index))) + 1;
    return bytes >= 0;
  };
  const some = themes.slice(0, maxThemes(model));
  const end = some.findIndex((theme, index) => !fits(theme, index));
  return end < 0 ? some : some.slice(0, end);
}

/** The request for names of themes, which are numbered from 1 on. */
export const namesRequest = (themes: readonly Theme[], settings: PromptSettings): SummaryRequest => ({
  ...requestFor(rules(themes.length), themes.map(entryOf), settings),
  maxOutputTokens: namesTokens(themes.length),
  format: namesFormat,
});

/** Most output tokens of a request for names. */
export const longestNamesTokens = ({ model }: Pick<Settings, 'model'>) => namesTokens(maxThemes(model));

/** Bytes of a theme with the longest name and statement, in a script of three bytes a character. */
const ENTRY_BYTES = 3 * (MAX_THEME_CHARACTERS + SHOWN_CHARACTERS) + 60;

/** Upper estimate of the tokens of so many requests for names, of themes that come from so many summaries. */
export function namesEstimate(
  requests: number,
  summaries: number,
  { model, maxBatchTokens }: Pick<NamesSettings, 'model' | 'maxBatchTokens'>,
) {
  const themes = Math.min(summaries * MAX_THEMES, requests * maxThemes(model));
  const rulesTokens = Math.ceil(Buffer.byteLength(rules(MAX_NAMED_THEMES)) / BYTES_PER_TOKEN);
  return {
    inputTokens: requests * rulesTokens + Math.min(Math.ceil((themes * ENTRY_BYTES) / BYTES_PER_TOKEN), requests * maxBatchTokens),
    outputTokens: themes * TOKENS_PER_MEMBER + Math.min(themes, requests * ANSWERED_NAMES) * TOKENS_PER_NAME,
  };
}
