import type { SettingName } from './setting-definitions.ts';
import type { Settings, SettingsLayer } from './settings.ts';

/** Settings that say nothing unless each row has a summary of its own, and those that say nothing where only the rows have one. */
const rowSettings = ['rowInstruction', 'maxRowSummaryTokens'] as const satisfies SettingName[];
const paragraphSettings = ['instruction', 'maxOutputTokens'] as const satisfies SettingName[];

/** Settings that are right by themselves and make no sense together. */
export function combinationProblems(layers: readonly SettingsLayer[], settings: Settings): string[] {
  const originOf = (name: SettingName) => layers.findLast(({ values }) => Object.hasOwn(values, name))?.origin;
  const problem = (name: SettingName, words: string) => {
    const origin = originOf(name);
    return origin === undefined ? [] : [`${origin}: ${name}: ${words}`];
  };
  const ofGroups =
    settings.groupColumn === null && settings.minGroupRows > 1
      ? problem('minGroupRows', 'leaves out small groups, and without groupColumn (--group-column) there are none')
      : [];
  const ofInsights =
    settings.insights && settings.weightColumn !== null
      ? problem('insights', 'themes are counted in rows; texts that stand for many rows (weightColumn) have none')
      : [];
  if (settings.granularity === 'batch') {
    // Where granularity was named, somebody has taken it back for this run, and the other settings wait.
    if (originOf('granularity') !== undefined) return [...ofGroups, ...ofInsights];
    const ofRows = rowSettings.flatMap((name) =>
      problem(name, 'is only for summaries of single rows; set granularity (--granularity) to row, too'),
    );
    return [...ofGroups, ...ofInsights, ...ofRows];
  }
  const paragraphs = `no paragraph is written with granularity row and without roll-up; what is asked of each row are rowInstruction and maxRowSummaryTokens`;
  return [
    ...ofGroups,
    ...ofInsights,
    ...(settings.weightColumn === null ? [] : problem('weightColumn', 'texts that stand for many rows cannot have granularity row')),
    ...(settings.rollUp ? [] : paragraphSettings.flatMap((name) => problem(name, paragraphs))),
  ];
}
