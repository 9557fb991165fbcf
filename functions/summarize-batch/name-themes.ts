import * as z from 'zod';
import type { Run } from '../shared/contract.ts';
import { ContextOverflowError, ModelRequestError, UnusableSummaryError } from '../shared/errors.ts';
import { MAX_THEME_CHARACTERS, MAX_THEMES } from '../shared/limits.ts';
import type { Outcome } from '../shared/outcome.ts';
import type { SummaryAnswer } from '../shared/ports.ts';
import { type FoldThemes, foldThemes, mergeEqualNames, type NamedGroup, type Theme, themesOfClaims } from '../shared/theme.ts';
import { objectWith } from './answer-json.ts';
import { type BatchCalls, NoMoreCalls } from './batch-calls.ts';
import { lineOf } from './claims.ts';
import { contentKeyOf } from './content.ts';
import { nameable, namesRequest } from './names-prompt.ts';
import { foreignMark, NO_ENTRIES } from './output-check.ts';

/** Times that names are asked for; then themes are merged by equal names alone. */
const MAX_ASKS = 2;

const groupSchema = z.object({ name: lineOf(MAX_THEME_CHARACTERS), members: z.array(z.unknown()) });

/** The groups in an answer that have a name which they may have; undefined where the answer has no list of them. */
function groupsIn(answer: string, themes: readonly Theme[]): NamedGroup[] | undefined {
  const groups = objectWith('themes', answer)?.themes as unknown[] | undefined;
  const words = themes.flatMap(({ name, statement }) => [name, statement]);
  return groups?.flatMap((group) => {
    const { data } = groupSchema.safeParse(group);
    if (!data || foreignMark(data.name, words) !== undefined) return [];
    return { name: data.name, members: data.members.map((member) => Number(member) - 1) };
  });
}

function checkNames(answer: SummaryAnswer, themes: readonly Theme[]): void {
  if (groupsIn(answer.text, themes)?.length) return;
  throw new UnusableSummaryError('The answer has no names for themes', { code: NO_ENTRIES, usage: answer.usage });
}

/** What names cannot be had for another reason than the moment: then code alone merges. */
const isForGood = (error: unknown) =>
  error instanceof UnusableSummaryError ||
  error instanceof ContextOverflowError ||
  error instanceof ModelRequestError ||
  error instanceof NoMoreCalls;

/**
 * What a fold makes of the themes of the outcomes beneath it: the model names those that mean the same, code does all else. Without usable names, themes
 * of equal names are merged. What an earlier attempt made of the very same themes stays.
 * @throws what `calls.ask` throws for another reason than these themes.
 */
export async function nameThemes(
  beneath: readonly Outcome[],
  calls: BatchCalls,
  run: Run,
  standing: Outcome | undefined,
): Promise<FoldThemes & { namesKey: string | null }> {
  const themes = mergeEqualNames(
    beneath.flatMap((outcome) => outcome.themes?.themes ?? themesOfClaims(outcome.claims ?? []).slice(0, MAX_THEMES)),
  );
  const asked = nameable(themes, run.settings);
  // The themes of a single outcome have been told apart already.
  if (asked.length < 2 || beneath.length < 2) return { ...foldThemes(themes, []), namesKey: null };
  const request = namesRequest(asked, run.settings);
  const namesKey = contentKeyOf(run.dataset, run.endpoint, request);
  if (standing?.themes?.namesKey === namesKey) return standing.themes;
  try {
    const { content } = await calls.ask(request, (answer) => checkNames(answer, asked), MAX_ASKS);
    return { ...foldThemes(themes, groupsIn(content.answer.text, asked) ?? []), namesKey };
  } catch (error) {
    if (!isForGood(error)) throw error;
    // Where only the tries were used up, the next attempt asks again.
    return { ...foldThemes(themes, []), namesKey: error instanceof NoMoreCalls ? null : namesKey };
  }
}
