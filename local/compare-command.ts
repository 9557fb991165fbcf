import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { slugOf } from '../functions/accept-upload/new-run.ts';
import { systemClock } from '../functions/shared/clock.ts';
import { ConfigError, InvalidUploadError } from '../functions/shared/errors.ts';
import { OFFLINE_ENDPOINT } from '../functions/shared/model-catalog.ts';
import { comparedRun, uploadOf } from './compare/compared-run.ts';
import { type Comparison, comparisonJson } from './compare/comparison.ts';
import { comparisonLines, sampleWords } from './compare/comparison-lines.ts';
import { writeComparisonPage } from './compare/comparison-page.ts';
import { findingsOf, warningsOf } from './compare/findings.ts';
import { type Sample, sampleOf } from './compare/sample-file.ts';
import { comparedWays, recordOf, type WayRun } from './compare/way-figures.ts';
import { type ComparedValues, comparedNames, variedNames, type Way, waysOf, withoutDoubles } from './compare/ways.ts';
import { exitCodes } from './exit-codes.ts';
import { explainUpload } from './explanation.ts';
import { atMostDollars, count, counted, dollars, printable } from './figures.ts';
import { claimNextAttempt, spentBefore } from './local-attempt.ts';
import { type LocalStores, localStores } from './local-stores.ts';
import { type LocalUpload, localUpload, type UploadOptions } from './local-upload.ts';
import { chooseModel, type ModelChoice } from './model-choice.ts';
import { openInBrowser } from './report-command.ts';
import { runAttempt } from './run-command.ts';
import { COLUMNS } from './terminal-text.ts';

export interface CompareOptions extends Omit<UploadOptions, 'settings'> {
  /** Settings named on the command line, by their names; of those that are compared, a list. */
  settings: Record<string, unknown> & ComparedValues;
  sample: number;
  out: string;
  concurrency: number;
  offline?: true;
  json?: true;
  verbose?: true;
  open?: true;
  /** Neither plan nor progress: only notes, warnings, errors and the result. */
  quiet?: true;
}

/** Comparisons have a folder of their own with buckets of their own: none of their runs is among the user's. */
const folderOf = ({ out }: Pick<CompareOptions, 'out'>) => join(out, 'compare');

/**
 * `hundredfold compare`: runs a sample of a file in several ways and shows them side by side. @returns the exit code.
 * @throws ConfigError: wrong usage, found before work starts.
 */
export async function compareCommand(file: string | undefined, options: CompareOptions): Promise<number> {
  const inform = options.quiet ? () => {} : warn;
  const model = chooseModel({ hasFile: file !== undefined, isOffline: options.offline === true, env: process.env });
  const { values, common } = valuesOf(options);
  const ways = waysOf(values);
  const uploads = uploadsOf(file, ways, common, model, options);
  const [first] = uploads as [LocalUpload, ...LocalUpload[]];
  const out = folderOf(options);
  const stores = localStores(out);
  let sample: Sample;
  let runs: WayRun[];
  try {
    inform(printable(`Reading ${first.key} to take a sample of it`));
    sample = await sampleOf(first, options.sample, out);
    inform(printable(`${first.key}: ${sampleWords({ sample: wordsOf(sample) })}`));
    for (const note of sample.notes) warn(`Note: ${printable(note)}`);
    const names = namesOf(ways, values);
    runs = [];
    for (const [index, upload] of uploads.entries()) {
      const way = await explained(upload, names[index] ?? '', sample, out, model);
      inform(`  ${costWords(way)}`);
      runs.push(way.run);
    }
  } catch (error) {
    if (!(error instanceof InvalidUploadError)) throw error;
    warn(printable(error.message));
    return exitCodes.rejected;
  }
  const capUsd = first.runOf({ versionId: '', bytes: 0 }).settings.maxCostUsd;
  tellCosts(runs, capUsd, inform);
  await runAll(runs, { capUsd, out, stores, model, options, inform });

  const compared = await comparedWays(runs, sample, stores.work);
  const known = compared.map(({ cost_now_usd }) => cost_now_usd);
  const isOffline = model.endpoint === OFFLINE_ENDPOINT;
  const comparison: Comparison = {
    name: nameOf(first.key, runs),
    source_key: first.key,
    sample: wordsOf(sample),
    endpoint: model.endpoint,
    is_offline: isOffline,
    calls_now: compared.reduce((sum, { calls_now }) => sum + calls_now, 0),
    cost_now_usd: known.includes(null) ? null : known.reduce<number>((sum, cost) => sum + (cost ?? 0), 0),
    varied: variedNames(values).map((name) => (name === 'batchRows' ? 'batch_rows' : name)),
    ways: compared,
    findings: findingsOf(compared, isOffline),
    warnings: warningsOf(compared, isOffline),
  };
  const page = await writeComparisonPage(comparison, runs[0]?.run.settings, out);
  const columns = process.stdout.columns || COLUMNS;
  if (options.json) process.stdout.write(`${JSON.stringify(comparisonJson(comparison, page))}\n`);
  else process.stdout.write(`${comparisonLines(comparison, page, columns).join('\n')}\n`);
  if (options.open) await openInBrowser(resolve(page));
  return exitCodeOf(comparison);
}

/** The same ways of the same sample have the same name. */
const nameOf = (key: string, runs: readonly WayRun[]) =>
  `${slugOf(key)}-${createHash('sha256')
    .update(JSON.stringify(runs.map(({ run }) => run.runId)))
    .digest('hex')
    .slice(0, 16)}`;

const warn = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const wordsOf = ({ rows, rowsUsable, rowsRejected }: Sample): Comparison['sample'] => ({
  rows,
  rows_usable: rowsUsable,
  rows_rejected: rowsRejected,
});

/** The values that are compared, each once, and the settings that all ways have. */
function valuesOf({ settings }: CompareOptions): { values: ComparedValues; common: Record<string, unknown> } {
  const common: Record<string, unknown> = { ...settings };
  const named: ComparedValues = {};
  for (const name of comparedNames) {
    if (settings[name] !== undefined) named[name] = settings[name];
    delete common[name];
  }
  const values = withoutDoubles(named);
  const doubles = comparedNames.filter((name) => values[name]?.length !== named[name]?.length);
  if (doubles.length > 0) warn(`A value that is named twice counts once: ${doubles.join(', ')}.`);
  return { values, common };
}

/** The upload as each way reads it. @throws ConfigError: what `run` says of the same settings, once for all ways. */
function uploadsOf(
  file: string | undefined,
  ways: readonly Way[],
  common: Record<string, unknown>,
  { endpoint }: ModelChoice,
  options: CompareOptions,
): LocalUpload[] {
  const problems = new Set<string>();
  const uploads = ways.flatMap((way) => {
    try {
      return [localUpload(file, endpoint, { ...options, settings: { ...common, ...way } })];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const problem of error.message.split('\n')) problems.add(problem);
      return [];
    }
  });
  if (problems.size > 0) throw new ConfigError([...problems].join('\n'), { code: 'invalid_settings' });
  return uploads;
}

/** What tells each way apart: `50 rows a call, gpt-6-luna, instruction 2`. */
function namesOf(ways: readonly Way[], values: ComparedValues): string[] {
  const varied = variedNames(values);
  const words = {
    batchRows: (value: unknown) => `${count(Number(value))} ${value === 1 ? 'row' : 'rows'} a call`,
    model: (value: unknown) => String(value),
    instruction: (value: unknown) => `instruction ${(values.instruction ?? []).indexOf(value) + 1}`,
  };
  return ways.map((way) => varied.map((name) => words[name](way[name])).join(', '));
}

/** A way's run, and what it costs at most. */
interface Explained {
  run: WayRun;
  plan: Awaited<ReturnType<typeof explainUpload>>;
}

async function explained(upload: LocalUpload, name: string, sample: Sample, out: string, { endpoint }: ModelChoice): Promise<Explained> {
  const { settings } = upload.runOf({ versionId: '', bytes: 0 });
  const run = comparedRun(sample, settings, endpoint);
  // The cap is that of all ways together: what one may cost of it is known when its turn comes.
  const uncapped = { ...run, settings: { ...run.settings, maxCostUsd: null } };
  const plan = await explainUpload(uploadOf(sample, out, uncapped));
  return { run: { name, run, estimatedCostUsd: plan.estimated_cost_usd, attemptNow: undefined }, plan };
}

function costWords({
  run: { name },
  plan: { calls, input_tokens: input, output_tokens: output, estimated_cost_usd: cost },
}: Explained): string {
  return `${name}: ${counted(calls, 'call')}; at most ${count(input)} tokens in, ${count(output)} out; ${atMostDollars(cost)}`;
}

function tellCosts(runs: readonly WayRun[], capUsd: number | null, inform: (line: string) => void): void {
  const costs = runs.map(({ estimatedCostUsd }) => estimatedCostUsd);
  const all = costs.reduce<number>((sum, cost) => sum + (cost ?? 0), 0);
  if (all > 0)
    inform(
      `  all ways: at most ${dollars(all)}${costs.includes(null) ? ' and those of unknown price' : ''}; what was answered before costs nothing`,
    );
  if (capUsd !== null && all > capUsd) {
    warn(
      `Warning: this may cost more than the cap of ${dollars(capUsd)} for all ways; the comparison then shows what there is and can go on with a higher one.`,
    );
  }
}

interface Work {
  capUsd: number | null;
  out: string;
  stores: LocalStores;
  model: ModelChoice;
  options: CompareOptions;
  inform(line: string): void;
}

/** Runs one way after the other, so that their times can be compared. What is complete stays as it is. */
async function runAll(runs: readonly WayRun[], { capUsd, out, stores, model, options, inform }: Work): Promise<void> {
  const spent: number[] = [];
  for (const { run } of runs) spent.push(await spentBefore(run, stores.work));
  for (const [index, way] of runs.entries()) {
    const title = `Way ${index + 1} of ${runs.length}, ${way.name}`;
    if ((await recordOf(stores.work, way.run.runId))?.status === 'complete') {
      inform(`${title}: kept from before`);
      continue;
    }
    const ofOthers = spent.reduce((sum, usd, other) => (other === index ? sum : sum + usd), 0);
    const maxCostUsd = capUsd === null ? null : Math.max(0, capUsd - ofOthers);
    if (maxCostUsd === 0 && way.estimatedCostUsd !== 0) {
      warn(`${title}: the money is used up`);
      continue;
    }
    inform(title);
    const run = await claimNextAttempt({ ...way.run, settings: { ...way.run.settings, maxCostUsd } }, stores.work, systemClock);
    way.attemptNow = run.attempt;
    let stopReason: unknown;
    await runAttempt(
      run,
      model,
      stores,
      { ...options, out, onEventTimeout: 0 },
      {
        // Rows, calls and cost of each way have been told before the first.
        isPlanTold: false,
        tell: async (record) => {
          stopReason = record.stop_reason;
          if (record.status === 'rejected') warn(`${title}: ${refusalWords(String(record.stop_reason), maxCostUsd, ofOthers)}`);
        },
      },
    );
    spent[index] = await spentBefore(way.run, stores.work);
    if (stopReason === 'interrupted') return;
  }
}

/** Why a way was not begun. Its own cap is what the others left of the one that was set. */
const refusalWords = (reason: string, maxCostUsd: number | null, ofOthers: number) =>
  ofOthers > 0 && reason.startsWith('maxCostUsd is ')
    ? `the other ways cost ${dollars(ofOthers)}, and ${dollars(maxCostUsd)} does not pay for a call`
    : printable(reason);

/** As of a run: the worst of the ways. */
function exitCodeOf({ ways }: Comparison): number {
  const has = (...statuses: string[]) => ways.some(({ status }) => statuses.includes(status));
  if (has('failed')) return exitCodes.failed;
  if (has('halted', 'unstarted')) return exitCodes.halted;
  return has('partial') ? exitCodes.partial : exitCodes.complete;
}
