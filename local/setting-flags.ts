import { InvalidArgumentError, Option } from 'commander';
import { type SettingName, settingDefinitions } from '../functions/shared/setting-definitions.ts';
import { attemptSettingNames, kebabCase, settingFromText, settingNames } from '../functions/shared/settings.ts';

export const DEFAULT_OUT = 'hundredfold-data';
export const outOption = () => new Option('--out <DIR>', 'folder of all data').default(DEFAULT_OUT);

export const DEFAULT_CONCURRENCY = 16;
const MAX_CONCURRENCY = 10_000;
export const concurrencyOption = () => new Option('--concurrency <N>', 'model calls in flight').argParser(wholeNumber(MAX_CONCURRENCY));

export const quietOption = () => new Option('--quiet', 'show neither plan nor progress: only warnings, errors and the result');

const DEFAULT_EVENT_TIMEOUT_SECONDS = 30;
const MAX_EVENT_TIMEOUT_SECONDS = 3_600;
export const onEventOption = () =>
  new Option('--on-event <COMMAND>', 'run a shell command for each event of the run, with the event as JSON on stdin').argParser(
    (text: string) => {
      if (text.trim() !== '') return text;
      throw new InvalidArgumentError('It must be a command.');
    },
  );
export const onEventTimeoutOption = () =>
  new Option('--on-event-timeout <SECONDS>', 'after which that command is stopped')
    .argParser(wholeNumber(MAX_EVENT_TIMEOUT_SECONDS))
    .default(DEFAULT_EVENT_TIMEOUT_SECONDS);

/** A dataset is one folder of the input bucket. */
export function datasetName(text: string): string {
  if (/^(?![._])[^/\\\p{Cc}]+$/u.test(text)) return text;
  throw new InvalidArgumentError('It must be the name of one folder, without slashes, and not begin with "." or "_".');
}

export function isoDate(text: string): string {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw new InvalidArgumentError('It must be a day: YYYY-MM-DD.');
}

export function wholeNumber(maximum: number) {
  return (text: string) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1 || value > maximum)
      throw new InvalidArgumentError(`It must be a whole number from 1 to ${maximum}.`);
    return value;
  };
}

/** The flag of a setting: `--text-column <NAME>`; a boolean takes true or false, and alone means true. */
export function settingOption(name: SettingName): Option {
  const definition: { kind: string; metavar?: string; alias?: string; description: string; default: unknown; values?: readonly string[] } =
    settingDefinitions[name];
  const value =
    definition.kind === 'boolean'
      ? '[true|false]'
      : `<${definition.kind === 'list' ? definition.metavar : (definition.values?.join('|') ?? definition.metavar)}>`;
  const suffix = definition.default === null || definition.kind === 'list' ? '' : ` (default: ${definition.default})`;
  const flag = definition.alias ?? kebabCase(name);
  return new Option(`--${flag} ${value}`, `${definition.description}${suffix}`).argParser((text: string) => settingFromText(name, text));
}

/** The flag of a setting of which several values are compared: `separator` stands between them, and null where each has the flag before it. */
export function comparedOption(name: SettingName, separator: string | null): Option {
  const option = settingOption(name);
  const several = separator === null ? ', repeatable' : `; several with "${separator}"`;
  return new Option(option.flags.replace(/>$/, separator === null ? '>' : `${separator}...>`), `${option.description}${several}`).argParser(
    (text: string, before: unknown[] | undefined) => [
      ...(before ?? []),
      ...(separator === null ? [text] : text.split(separator).map((value) => value.trim())).map((value) => settingFromText(name, value)),
    ],
  );
}

/** Settings that have an alias are taken by their own name, too. */
export const aliased = settingNames.filter((name) => 'alias' in settingDefinitions[name]);

export function settingsOf(options: Record<string, unknown>): Record<string, unknown> {
  const camelCase = (flag: string) => flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const values: Record<string, unknown> = {};
  for (const name of settingNames) {
    const definition = settingDefinitions[name];
    const value = options[name] ?? ('alias' in definition ? options[camelCase(definition.alias)] : undefined);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

/** Settings that a digest may be given. How its upload is read is not among them. */
export const digestSettingNames = [
  ...(['instruction', 'model', 'serviceTier', 'temperature', 'maxOutputTokens', 'batchRows', 'maxBatchTokens'] as const),
  ...attemptSettingNames,
];
