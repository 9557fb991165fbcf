import * as z from 'zod';
import { type Claim, type ClaimCounts, noClaimCounts, sentiments } from '../shared/claim.ts';
import type { StagedRow } from '../shared/contract.ts';
import { MAX_CLAIMS, MAX_STATEMENT_CHARACTERS, MAX_THEME_CHARACTERS } from '../shared/limits.ts';
import { foreignMark } from './output-check.ts';

type CitedRow = Pick<StagedRow, 'rowNumber' | 'id' | 'text'>;

/** Text on one line, not empty and no longer than that: names and statements are shown in tables. */
export const lineOf = (maxCharacters: number) =>
  z
    .string()
    .transform((text) =>
      text
        .replace(/[\s\p{Cc}]+/gu, ' ')
        .trim()
        .toWellFormed(),
    )
    .pipe(z.string().min(1).max(maxCharacters));

const rowPlace = z.union([
  z.int(),
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number),
]);
/** A citation as a server with the schema writes it, or one without: a bare number, a quote that is null or left out. */
const citationSchema = z.union([
  rowPlace.transform((row) => ({ row, quote: '' })),
  z.object({
    row: rowPlace,
    quote: z
      .string()
      .nullish()
      .transform((quote) => quote?.trim() ?? ''),
  }),
]);

const claimedSchema = z.object({
  theme: lineOf(MAX_THEME_CHARACTERS),
  sentiment: z.preprocess((word) => (typeof word === 'string' ? word.trim().toLowerCase() : word), z.enum(sentiments)),
  statement: lineOf(MAX_STATEMENT_CHARACTERS),
  evidence: z.array(z.unknown()),
});

const citationsIn = (claimed: unknown): number => {
  const evidence = claimed !== null && typeof claimed === 'object' && 'evidence' in claimed ? claimed.evidence : [];
  return Array.isArray(evidence) ? evidence.length : 0;
};

/** The evidence that holds: citations of rows of the batch, each row once, whose quote stands letter for letter in the row's text. */
function evidenceIn(citations: readonly unknown[], rows: readonly CitedRow[]): { evidence: Claim['evidence']; texts: string[] } {
  const cited = new Map<CitedRow, string>();
  for (const citation of citations) {
    const { data } = citationSchema.safeParse(citation);
    const row = data && rows[data.row - 1];
    // Half a character is in the text and would be another one in a table.
    if (row && !cited.has(row) && row.text.includes(data.quote) && data.quote.isWellFormed()) cited.set(row, data.quote);
  }
  const evidence = Array.from(cited, ([{ rowNumber, id }, quote]) => ({ rowNumber, id, quote }));
  return { evidence, texts: Array.from(cited.keys(), ({ text }) => text) };
}

function claimIn(claimed: unknown, rows: readonly CitedRow[]): Claim | undefined {
  const { data } = claimedSchema.safeParse(claimed);
  if (!data) return undefined;
  const { theme, sentiment, statement } = data;
  const { evidence, texts } = evidenceIn(data.evidence, rows);
  // An address that none of its rows holds was not read in them.
  if (evidence.length === 0 || foreignMark(`${theme} ${statement}`, texts) !== undefined) return undefined;
  return { theme, sentiment, statement, evidence };
}

/**
 * The claims of an answer that hold, and how many did not. Nothing in the answer is believed: what is not a claim, cites rows that the batch does
 * not have, quotes what no row says, or is left without support, is dropped.
 * @param claims what the answer has for themes, whatever it is.
 * @param rows of the batch, in the order in which they were numbered from 1 on.
 */
export function checkClaims(claims: unknown, rows: readonly CitedRow[]): { claims: Claim[]; counts: ClaimCounts } {
  if (!Array.isArray(claims)) return { claims: [], counts: noClaimCounts };
  const kept = claims.slice(0, MAX_CLAIMS).flatMap((claimed) => claimIn(claimed, rows) ?? []);
  const citations = claims.reduce((sum: number, claimed) => sum + citationsIn(claimed), 0);
  const counts = {
    claims: claims.length,
    claimsDropped: claims.length - kept.length,
    citations,
    citationsDropped: citations - kept.reduce((sum, { evidence }) => sum + evidence.length, 0),
  };
  return { claims: kept, counts };
}
