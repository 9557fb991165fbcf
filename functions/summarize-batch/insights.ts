import { themesTokensOf } from '../shared/answer-budget.ts';
import { addClaimCounts, type Claim, type ClaimCounts, noClaimCounts } from '../shared/claim.ts';
import type { StagedRow } from '../shared/contract.ts';
import type { SummaryRequest } from '../shared/ports.ts';
import type { Settings } from '../shared/settings.ts';
import { jsonIn, objectWith } from './answer-json.ts';
import { checkClaims } from './claims.ts';
import { numberedBatchRequest } from './prompt.ts';
import { withThemes } from './theme-prompt.ts';

/** The request for one batch of rows with insights: its summary, and what the rows speak of. */
export const insightsRequest = (texts: readonly string[], settings: Settings): SummaryRequest =>
  withThemes(numberedBatchRequest(texts, settings), themesTokensOf(texts.length, settings));

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

/**
 * The claims of a batch's answers that hold, and the counts of all; nothing where none were asked for.
 * @param failed numbers of rows that are in no summary: whatever is claimed of them is dropped, and counted as that.
 */
export function claimsIn(
  answered: readonly AnsweredRows[],
  { insights }: Pick<Settings, 'insights'>,
  failed: ReadonlySet<number> = new Set(),
) {
  if (!insights) return {};
  const checked = answered.map(({ parts, answer }) => checkClaims(objectWith('themes', answer)?.themes, parts));
  const claims: Claim[] = checked
    .flatMap((one) => one.claims)
    .map((claim) => ({ ...claim, evidence: claim.evidence.filter(({ rowNumber }) => !failed.has(rowNumber)) }))
    .filter(({ evidence }) => evidence.length > 0);
  const made = checked.reduce((sum, { counts }) => addClaimCounts(sum, counts), noClaimCounts);
  const cited = claims.reduce((sum, { evidence }) => sum + evidence.length, 0);
  const claimCounts: ClaimCounts = { ...made, claimsDropped: made.claims - claims.length, citationsDropped: made.citations - cited };
  return { claims, claimCounts };
}
