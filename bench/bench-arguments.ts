/** Sizes of a benchmark by the names of their flags in camel case: one number, or several separated by commas. */
export type Sizes = Readonly<Record<string, number | readonly number[]>>;

export interface BenchArguments<Defaults extends Sizes> {
  sizes: { [Name in keyof Defaults]: Defaults[Name] extends number ? number : readonly number[] };
  /** Where results are to be kept, undefined where nothing was said. */
  resultsFolder: string | undefined;
  /** Whether all sizes are the defaults. */
  isWhole: boolean;
}

const flagOf = (name: string) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** One line on the flags, with what they are by default. */
export const flagLine = (defaults: Sizes): string =>
  `${Object.entries(defaults)
    .map(([name, value]) => `${flagOf(name)} ${[value].flat().join(',')}`)
    .join(' ')} --results DIR`;

/**
 * What follows the name of a benchmark: `--rows 1000,2000 --results DIR`.
 * @throws Error: a flag or a value is wrong; the message is one sentence.
 */
export function parseBenchArguments<Defaults extends Sizes>(defaults: Defaults, args: readonly string[]): BenchArguments<Defaults> {
  const given: Record<string, number | readonly number[]> = {};
  let resultsFolder: string | undefined;
  for (let index = 0; index < args.length; index += 2) {
    const [flag = '', value] = args.slice(index, index + 2);
    const name = Object.keys(defaults).find((known) => flagOf(known) === flag);
    if (name === undefined && flag !== '--results') throw new Error(`There is no ${flag}; the flags are: ${flagLine(defaults)}.`);
    if (value === undefined || value === '' || value.startsWith('--')) throw new Error(`${flag} needs a value.`);
    if (name === undefined) resultsFolder = value;
    else given[name] = numbersOf(name, value, typeof defaults[name] === 'number');
  }
  const sizes = { ...defaults, ...given } as BenchArguments<Defaults>['sizes'];
  return { sizes, resultsFolder, isWhole: JSON.stringify(sizes) === JSON.stringify(defaults) };
}

/** A model may answer at once, and a seed may be any number; of nothing else there can be none. */
const mayBeZero = (name: string) => /latencyMs$/i.test(name) || name === 'seed';

function numbersOf(name: string, text: string, isOne: boolean): number | readonly number[] {
  const flag = flagOf(name);
  const numbers = text.split(',').map((part) => (/^\d+$/.test(part) ? Number(part) : Number.NaN));
  const [first] = numbers;
  if (first === undefined || numbers.some((value) => !Number.isSafeInteger(value)) || (isOne && numbers.length > 1))
    throw new Error(`${flag} takes ${isOne ? 'a whole number' : 'whole numbers separated by commas'}, not "${text}".`);
  if (numbers.includes(0) && !mayBeZero(name)) throw new Error(`${flag} takes nothing below 1, not "${text}".`);
  return isOne ? first : numbers;
}
