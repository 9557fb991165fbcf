import * as z from 'zod';

const count = z.int().min(0);

export const sentiments = ['positive', 'negative', 'neutral', 'mixed'] as const;

/** What an answer says of some rows of its batch, with the rows that support it: each once, all of that batch. */
export const claimSchema = z.object({
  /** In the words of the answer. */
  theme: z.string(),
  sentiment: z.enum(sentiments),
  statement: z.string(),
  /** `quote` stands letter for letter in the text of the row; '' where nothing is quoted. */
  evidence: z.array(z.object({ rowNumber: count, id: z.string(), quote: z.string() })).min(1),
});
export type Claim = z.infer<typeof claimSchema>;

/** How much answers claimed, and how much of it was dropped: claims that are not usable or lost all of their support, citations that are false. */
export const claimCountsSchema = z.object({ claims: count, claimsDropped: count, citations: count, citationsDropped: count });
export type ClaimCounts = z.infer<typeof claimCountsSchema>;

export const noClaimCounts: ClaimCounts = { claims: 0, claimsDropped: 0, citations: 0, citationsDropped: 0 };

export const addClaimCounts = (one: ClaimCounts, other: ClaimCounts): ClaimCounts => ({
  claims: one.claims + other.claims,
  claimsDropped: one.claimsDropped + other.claimsDropped,
  citations: one.citations + other.citations,
  citationsDropped: one.citationsDropped + other.citationsDropped,
});
