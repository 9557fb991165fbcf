import { ConfigError } from '../../functions/shared/errors.ts';
import type { Settings } from '../../functions/shared/settings.ts';

/** Settings of which a comparison takes several values. */
export const comparedNames = ['batchRows', 'model', 'instruction'] as const satisfies (keyof Settings)[];
export type ComparedName = (typeof comparedNames)[number];

/** The values named for each; of a setting that nobody named there is none here. They are settings, or texts that are none yet. */
export type ComparedValues = Partial<Record<ComparedName, readonly unknown[]>>;

/** Ways that one comparison takes: more are neither paid for nor read by mistake. */
export const MAX_WAYS = 12;

/** One way of asking: a value for each setting that was named. */
export type Way = Readonly<Partial<Record<ComparedName, unknown>>>;

/** The settings of which several values were named, in a fixed order. */
export const variedNames = (values: ComparedValues): ComparedName[] => comparedNames.filter((name) => (values[name]?.length ?? 0) > 1);

/** The values without those that stand there before. */
export const withoutDoubles = (values: ComparedValues): ComparedValues =>
  Object.fromEntries(Object.entries(values).map(([name, some]) => [name, [...new Set(some)]]));

/**
 * Every combination of the values, the last setting's changing fastest.
 * @throws ConfigError: there is one combination, or there are more than MAX_WAYS.
 */
export function waysOf(values: ComparedValues): Way[] {
  let ways: Way[] = [{}];
  for (const name of comparedNames.toReversed()) {
    const some = values[name];
    if (some && some.length > 0) ways = some.flatMap((value) => ways.map((way) => ({ [name]: value, ...way })));
  }
  if (ways.length === 1) {
    throw new ConfigError(
      'One way alone compares nothing: give several values of --batch-size (50,100,200) or of --model (A,B), or --instruction more than once.',
      { code: 'one_way' },
    );
  }
  if (ways.length > MAX_WAYS) {
    throw new ConfigError(
      `These are ${ways.length} ways, every value with every other; ${MAX_WAYS} are compared at most: leave some out.`,
      {
        code: 'too_many_ways',
      },
    );
  }
  return ways;
}
