import * as z from 'zod';
import { ConfigError } from './errors.ts';
import { MAX_SETTINGS_BYTES } from './limits.ts';
import { combinationProblems } from './setting-combinations.ts';
import { type SettingDefinition, type SettingName, settingDefinitions } from './setting-definitions.ts';

/** What a digest has to itself, whatever the settings of its dataset say: its rows are summaries, one an upload. */
export const settingsOfEveryDigest = { groupColumn: null, minGroupRows: 1, granularity: 'batch', insights: false } as const satisfies {
  [Name in SettingName]?: unknown;
};

export const settingNames = Object.keys(settingDefinitions) as SettingName[];
const definitionOf = (name: SettingName): SettingDefinition => settingDefinitions[name];
const isSettingName = (name: string): name is SettingName => Object.hasOwn(settingDefinitions, name);

const MAX_TEXT_CHARACTERS = 10_000;

function listSchema({ values = [] }: SettingDefinition) {
  const isEachOnce = (items: readonly string[]) => new Set(items).size === items.length;
  return z.array(z.enum(values as [string, ...string[]])).refine(isEachOnce);
}

function valueSchema(definition: SettingDefinition) {
  if (definition.kind === 'boolean') return z.boolean();
  if (definition.kind === 'text') {
    return definition.values ? z.enum(definition.values as [string, ...string[]]) : z.string().min(1).max(MAX_TEXT_CHARACTERS);
  }
  const number = definition.kind === 'integer' ? z.int() : z.number();
  return number.min(definition.minimum ?? 0).max(definition.maximum ?? Number.MAX_SAFE_INTEGER);
}

/** A setting as JSON has it; null stands for its absence where the default is null. */
function settingSchema(definition: SettingDefinition) {
  // Plans and claims of versions that had no lists stay readable.
  if (definition.kind === 'list') return listSchema(definition).default([]);
  const value = valueSchema(definition);
  return definition.default === null ? value.nullable() : value;
}

type Kinds = { text: string; integer: number; number: number; boolean: boolean };
type SettingValue<D extends SettingDefinition> = D['kind'] extends keyof Kinds
  ? Kinds[D['kind']] | (D['default'] extends null ? null : never)
  : D['default'];
export type Settings = { [Name in SettingName]: SettingValue<(typeof settingDefinitions)[Name]> };

const shape = Object.fromEntries(settingNames.map((name) => [name, settingSchema(definitionOf(name))]));
export const settingsSchema = z.strictObject(shape) as unknown as z.ZodType<Settings>;

export const defaultSettings = Object.fromEntries(settingNames.map((name) => [name, definitionOf(name).default])) as Settings;

export const kebabCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** One source of settings: where it comes from, for messages, and what it says. */
export interface SettingsLayer {
  origin: string;
  values: Readonly<Record<string, unknown>>;
}

const SHOWN_CHARACTERS = 60;
const clipped = (value: unknown) => {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'undefined');
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
};

/** What a setting's value must be, in words. */
function expectation({ kind, values, minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: SettingDefinition): string {
  if (kind === 'boolean') return 'true or false';
  if (kind === 'list') return `some of ${values?.join(', ')}, each once`;
  if (kind === 'text') return values ? `one of ${values.join(', ')}` : `a text of 1 to ${MAX_TEXT_CHARACTERS} characters`;
  const range = maximum === Number.MAX_SAFE_INTEGER ? `from ${minimum} on` : `from ${minimum} to ${maximum}`;
  return kind === 'integer' ? `a whole number ${range}` : `a number ${range}`;
}

function problemsOf(layer: SettingsLayer): string[] {
  return Object.entries(layer.values).flatMap(([name, value]) => {
    if (!isSettingName(name)) {
      return [`${layer.origin}: there is no setting "${name}" (the settings are ${settingNames.join(', ')})`];
    }
    const definition = definitionOf(name);
    const parsed = settingSchema(definition).safeParse(value);
    if (!parsed.success) return [`${layer.origin}: ${name}: must be ${expectation(definition)}, not ${clipped(value)}`];
    return [];
  });
}

/** @throws ConfigError: the settings together are longer than can go with every call of a function. */
function requireRoom(settings: Settings): void {
  const bytes = Buffer.byteLength(JSON.stringify(settings));
  if (bytes <= MAX_SETTINGS_BYTES) return;
  const [longest] = settingNames.toSorted((one, other) => String(settings[other]).length - String(settings[one]).length);
  throw new ConfigError(
    `The settings of a run may have ${MAX_SETTINGS_BYTES.toLocaleString('en')} bytes as JSON, these have ${bytes.toLocaleString('en')}; shorten ${longest}.`,
    { code: 'invalid_settings' },
  );
}

/**
 * The settings of a run: later layers win. `explicit` holds those that some layer named and that belong to the run's identity.
 * @throws ConfigError: a layer has an unknown key or a wrong value, or settings make no sense together, every problem is listed; or all are too
 * long together.
 */
export function resolveSettings(layers: readonly SettingsLayer[]): { settings: Settings; explicit: Partial<Settings> } {
  const problems = layers.flatMap(problemsOf);
  if (problems.length > 0) throw new ConfigError(problems.join('\n'), { code: 'invalid_settings' });
  const named = Object.assign({}, ...layers.map((layer) => layer.values)) as Partial<Settings>;
  requireRoom({ ...defaultSettings, ...named });
  const explicit = Object.fromEntries(
    settingNames.filter((name) => name in named && definitionOf(name).identity !== false).map((name) => [name, named[name]]),
  ) as Partial<Settings>;
  const settings: Settings = { ...defaultSettings, ...named };
  const senseless = combinationProblems(layers, settings);
  if (senseless.length > 0) throw new ConfigError(senseless.join('\n'), { code: 'invalid_settings' });
  return { settings, explicit };
}

/** The settings of another attempt of the same run: `frozen`, with the settings outside the identity taken from `current`. */
export const settingsOfAttempt = (frozen: Settings, current: Settings): Settings =>
  Object.fromEntries(
    settingNames.map((name) => [name, (definitionOf(name).identity === false ? current : frozen)[name]]),
  ) as unknown as Settings;

/** Settings that may differ between attempts of one run. */
export const attemptSettingNames = settingNames.filter((name) => definitionOf(name).identity === false);

export const changedSettings = (settings: Settings): Partial<Settings> =>
  Object.fromEntries(
    settingNames.filter((name) => String(settings[name]) !== String(defaultSettings[name])).map((name) => [name, settings[name]]),
  );

/** @returns the value that a text (a flag, object metadata) means; text that is none is returned as it is, to be refused with its layer. */
export function settingFromText(name: string, text: string): unknown {
  const kind = isSettingName(name) ? definitionOf(name).kind : 'text';
  if (kind === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (kind === 'list') return text.split(',').map((item) => item.trim());
  if (kind !== 'text') return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
  return text;
}
