import { describe, expect, test } from '@jest/globals';
import { settingDefinitions } from '../../../functions/shared/setting-definitions.ts';
import {
  changedSettings,
  defaultSettings,
  resolveSettings,
  settingFromText,
  settingNames,
  settingsOfAttempt,
  settingsSchema,
} from '../../../functions/shared/settings.ts';

const layer = (origin: string, values: Record<string, unknown>) => ({ origin, values });

function problemsOf(...layers: ReturnType<typeof layer>[]): string[] {
  try {
    resolveSettings(layers);
  } catch (error) {
    expect(error).toMatchObject({ name: 'ConfigError', code: 'invalid_settings' });
    return (error as Error).message.split('\n');
  }
  throw new Error('The settings were taken');
}

describe('layers', () => {
  test('without any, everything has its default and nothing is explicit', () => {
    expect(resolveSettings([])).toEqual({ settings: defaultSettings, explicit: {} });
    expect(defaultSettings).toMatchObject({ batchRows: 100, temperature: 0.3, maxOutputTokens: 250, toleratedFailurePercentage: 100 });
    expect(defaultSettings.instruction).toBe('summarize the following {rows} customer reviews into a concise paragraph');
  });

  test('later ones win, setting by setting', () => {
    const { settings } = resolveSettings([
      layer('file', { batchRows: 50, model: 'gpt-4o-mini', temperature: 0 }),
      layer('metadata', { batchRows: 200 }),
      layer('command line', { temperature: 1 }),
    ]);
    expect(settings).toEqual({ ...defaultSettings, batchRows: 200, model: 'gpt-4o-mini', temperature: 1 });
  });

  test('explicit is what some layer named, even the default, without the settings outside the identity', () => {
    const { explicit } = resolveSettings([
      layer('file', { batchRows: 100, maxCostUsd: 3, textColumn: null }),
      layer('command line', { toleratedFailurePercentage: 5, requestsPerMinute: null, tokensPerMinute: null, model: 'gpt-5.4-mini' }),
    ]);
    expect(explicit).toEqual({ batchRows: 100, textColumn: null, model: 'gpt-5.4-mini' });
  });

  test('give settings in one order, whatever order they were named in', () => {
    const one = resolveSettings([layer('file', { model: 'a', batchRows: 5 })]);
    const other = resolveSettings([layer('file', { batchRows: 5 }), layer('flags', { model: 'a' })]);
    expect(JSON.stringify(other)).toBe(JSON.stringify(one));
  });

  test('the defaults are settings', () => {
    expect(settingsSchema.parse(defaultSettings)).toEqual(defaultSettings);
  });
});

describe('what is wrong', () => {
  test('is named all at once, each with its layer', () => {
    const problems = problemsOf(
      layer('support/_hundredfold.json', { batchRows: 0, batch_rows: 5, temperature: 2.5 }),
      layer('object metadata', { batchRows: 10.5, serviceTier: 'cheap', model: '' }),
      layer('command line', { rollUp: 'yes', instruction: 5 }),
    );
    expect(problems.map((problem) => problem.split(':').slice(0, 2).join(':'))).toEqual([
      'support/_hundredfold.json: batchRows',
      expect.stringContaining('support/_hundredfold.json: there is no setting "batch_rows"'),
      'support/_hundredfold.json: temperature',
      'object metadata: batchRows',
      'object metadata: serviceTier',
      'object metadata: model',
      'command line: rollUp',
      'command line: instruction',
    ]);
    expect(problems[1]).toContain('batchRows, maxBatchTokens');
  });

  test.each([
    ['textColumn', ''],
    ['batchRows', 1001],
    ['batchRows', '100'],
    ['batchRows', null],
    ['maxBatchTokens', 999],
    ['maxRowCharacters', 0],
    ['serviceTier', ''],
    ['instruction', 'x'.repeat(10_001)],
    ['temperature', -0.1],
    ['temperature', Number.NaN],
    ['maxOutputTokens', 0],
    ['maxCostUsd', -1],
    ['maxCostUsd', Number.POSITIVE_INFINITY],
    ['requestsPerMinute', 0],
    ['tokensPerMinute', -1],
    ['toleratedFailurePercentage', 100.1],
    ['upload', 'archive'],
    ['model', undefined],
  ])('refuses %s = %p', (name, value) => {
    expect(problemsOf(layer('file', { [name]: value }))).toEqual([expect.stringContaining(`file: ${name}: `)]);
  });

  test('refuses minGroupRows without groups, where it would do nothing', () => {
    expect(problemsOf(layer('file', { minGroupRows: 5 }))).toEqual([expect.stringContaining('minGroupRows: leaves out small groups')]);
    expect(resolveSettings([layer('file', { groupColumn: 'product' }), layer('command line', { minGroupRows: 5 })]).settings).toMatchObject(
      {
        ...{ groupColumn: 'product', minGroupRows: 5 },
      },
    );
    expect(resolveSettings([layer('file', { minGroupRows: 1 })]).settings.groupColumn).toBeNull();
  });

  test.each(['constructor', 'toString', 'hasOwnProperty', '__proto__'])('knows no setting "%s"', (name) => {
    const values = JSON.parse(`{"${name}": 5}`) as Record<string, unknown>;
    expect(problemsOf(layer('file', values))).toEqual([expect.stringContaining(`file: there is no setting "${name}"`)]);
  });

  test('is not null where null is the default', () => {
    const absent = Object.fromEntries(settingNames.filter((name) => settingDefinitions[name].default === null).map((name) => [name, null]));
    expect(absent).toMatchObject({ textColumn: null, serviceTier: null, maxCostUsd: null });
    expect(resolveSettings([layer('file', absent)]).settings).toEqual(defaultSettings);
  });
});

describe('text forms', () => {
  test.each([
    ['batchRows', '50', 50],
    ['batchRows', ' 50 ', 50],
    ['batchRows', 'fifty', 'fifty'],
    ['batchRows', '', ''],
    ['batchRows', ' ', ' '],
    ['batchRows', '5.5', 5.5],
    ['temperature', '0', 0],
    ['temperature', '-1', -1],
    ['maxCostUsd', '1e-3', 0.001],
    ['rollUp', 'true', true],
    ['rollUp', 'false', false],
    ['rollUp', 'True', 'True'],
    ['textColumn', '7', '7'],
    ['model', 'true', 'true'],
    ['noSuchSetting', '7', '7'],
    ['constructor', '7', '7'],
  ])('%s "%s" is %p', (name, text, value) => {
    expect(settingFromText(name, text)).toBe(value);
  });

  test('a number too large to be one is refused with its layer', () => {
    expect(problemsOf(layer('metadata', { maxCostUsd: settingFromText('maxCostUsd', '1e999') }))).toEqual([
      expect.stringContaining('metadata: maxCostUsd: '),
    ]);
  });
});

test('another attempt has the settings that the plan froze, but for those outside the identity', () => {
  const frozen = { ...defaultSettings, batchRows: 50, model: 'gpt-4o-mini', maxCostUsd: 1, toleratedFailurePercentage: 10 };
  const current = { ...defaultSettings, batchRows: 200, model: 'gpt-5.4-mini', maxCostUsd: 9, toleratedFailurePercentage: 20 };
  expect(settingsOfAttempt(frozen, current)).toEqual({ ...frozen, maxCostUsd: 9, toleratedFailurePercentage: 20 });
  expect(settingsOfAttempt(frozen, { ...current, maxCostUsd: null }).maxCostUsd).toBeNull();
});

describe('a list', () => {
  test('is written with commas on the command line, and takes each of its values once', () => {
    expect(settingFromText('redact', 'email, iban')).toEqual(['email', 'iban']);
    expect(resolveSettings([layer('command line', { redact: ['email', 'iban'] })])).toMatchObject({
      settings: { redact: ['email', 'iban'] },
      explicit: { redact: ['email', 'iban'] },
    });
    expect(problemsOf(layer('file', { redact: ['email', 'email'] }), layer('flag', { redact: settingFromText('redact', 'mail') }))).toEqual(
      [
        'file: redact: must be some of email, phone, card, iban, each once, not ["email","email"]',
        'flag: redact: must be some of email, phone, card, iban, each once, not ["mail"]',
      ],
    );
  });

  test('is shown among the changed settings only where it differs from none', () => {
    expect(changedSettings({ ...defaultSettings, redact: [] })).toEqual({});
    expect(changedSettings({ ...defaultSettings, redact: ['card'] })).toEqual({ redact: ['card'] });
  });

  test('is none in what versions without it have stored', () => {
    const { redact: _, ...stored } = defaultSettings;
    expect(settingsSchema.parse(stored)).toEqual(defaultSettings);
  });
});

describe('settings that make no sense together', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ granularity: 'row', weightColumn: 'rows' }, 'flags: weightColumn: texts that stand for many rows cannot have granularity row'],
    [
      { insights: true, weightColumn: 'rows' },
      'flags: insights: themes are counted in rows; texts that stand for many rows (weightColumn) have none',
    ],
    [
      { rowInstruction: 'translate it' },
      'flags: rowInstruction: is only for summaries of single rows; set granularity (--granularity) to row, too',
    ],
    [
      { maxRowSummaryTokens: 60 },
      'flags: maxRowSummaryTokens: is only for summaries of single rows; set granularity (--granularity) to row, too',
    ],
    [
      { granularity: 'row', rollUp: false, instruction: 'name the complaint' },
      'flags: instruction: no paragraph is written with granularity row and without roll-up; what is asked of each row are rowInstruction and maxRowSummaryTokens',
    ],
  ])('%j', (values, problem) => {
    expect(problemsOf(layer('flags', values))).toEqual([problem]);
  });

  test('a later layer may take granularity back, and what a dataset sets for its rows waits', () => {
    const dataset = layer('file', { granularity: 'row', maxRowSummaryTokens: 60 });
    expect(resolveSettings([dataset]).settings).toMatchObject({ granularity: 'row', maxRowSummaryTokens: 60, batchRows: 100 });
    const digest = layer('digest', { granularity: 'batch', weightColumn: 'rows' });
    expect(resolveSettings([dataset, digest]).settings).toMatchObject({ granularity: 'batch', weightColumn: 'rows' });
  });
});
