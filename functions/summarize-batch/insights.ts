import { addClaimCounts, type Claim, type ClaimCounts, noClaimCounts } from '../shared/claim.ts';
import type { StagedRow } from '../shared/contract.ts';
import type { AnswerFormat, SummaryRequest } from '../shared/ports.ts';
import type { Settings } from '../shared/settings.ts';
import { jsonIn, objectWith } from './answer-json.ts';
import { checkClaims } from './claims.ts';
import { numberedRules, type PromptSettings, requestFor, taskOf } from './prompt.ts';
import { THEMES_SHAPE, themesRule, themesSchema, themesTokens } from './theme-prompt.ts';

/** What a batch is asked for with insights: its summary, and what the rows speak of. */
const insightsFormat: AnswerFormat = {
  name: 'summary_and_themes',
  schema: {
    type: 'object',
    properties: { summary: { type: 'string' }, themes: themesSchema },
    required: ['summary', 'themes'],
    additionalProperties: false,
  },
};

const answerRule =
  `Answer with JSON and nothing else, of this shape: {"summary":"...",${THEMES_SHAPE}}. summary is the result of the task in plain text. ` +
  themesRule;

/** The request for one batch of rows with insights. The rows are numbered from 1 on, so that the same texts are the same request wherever they stand. */
export const insightsRequest = (texts: readonly string[], settings: PromptSettings): SummaryRequest => ({
  ...requestFor(
    [numberedRules(taskOf(settings, texts.length), texts.length), answerRule].join('\n'),
    texts.map((text, index) => ({ row: index + 1, text })),
    settings,
  ),
  maxOutputTokens: settings.maxOutputTokens + themesTokens(texts.length),
  format: insightsFormat,
});

const summaryOf = (value: unknown): string | undefined => {
  const { summary } = Object(value) as { summary?: unknown };
  return typeof summary === 'string' && summary.trim() !== '' ? summary.trim() : undefined;
};

/** The summary in an answer, undefined where there is none. An answer in plain words is one without themes: rather that than none. */
export function summaryIn(answer: string): string | undefined {
  if (!answer.includes('{')) return answer;
  return summaryOf(objectWith('themes', answer)) ?? jsonIn(answer).map(summaryOf).findLast(Boolean);
}

/** An answer, and the rows that it was given. */
export interface AnsweredRows {
  parts: readonly Pick<StagedRow, 'rowNumber' | 'id' | 'text'>[];
  answer: string;
}

/** The claims of a batch's answers that hold, and the counts of all; nothing where none were asked for. */
export function claimsIn(answered: readonly AnsweredRows[], { insights }: Pick<Settings, 'insights'>) {
  if (!insights) return {};
  const checked = answered.map(({ parts, answer }) => checkClaims(objectWith('themes', answer)?.themes, parts));
  const claims: Claim[] = checked.flatMap((one) => one.claims);
  const claimCounts: ClaimCounts = checked.reduce((sum, { counts }) => addClaimCounts(sum, counts), noClaimCounts);
  return { claims, claimCounts };
}
