import { createInterface } from 'node:readline/promises';
import { systemClock } from '../functions/shared/clock.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import { forgettingKey } from '../functions/shared/object-keys.ts';
import { readLatest } from './attempt-home.ts';
import { byteSize, counted, printable } from './figures.ts';
import { countEvents, removeEvents } from './file-event-sink.ts';
import { digestsOf } from './forget/digests.ts';
import { erase, type Tally, tallyOf } from './forget/erase.ts';
import { type KnownRun, knownRuns } from './forget/known-runs.ts';
import { leftOfRow, outOfReach } from './forget/out-of-reach.ts';
import { type Rewriting, rewritingsOf } from './forget/rewrite-tables.ts';
import { tracesOf } from './forget/row-traces.ts';
import {
  contentTargets,
  datasetTargets,
  queryResultTarget,
  reportTargets,
  resultTargets,
  staleTargets,
  type Target,
  uploadTargets,
  workTargets,
} from './forget/targets.ts';
import { openPlace, type PlaceOptions, type RunPlace } from './run-place.ts';

/** Time in which an accepted run may still be started by whoever accepted it. */
const STARTING_MS = 15 * 60 * 1_000;
/** Runs that a message lists. */
const SHOWN_RUNS = 20;

export interface ForgetOptions extends PlaceOptions {
  run?: string;
  dataset?: string;
  /** Dataset and id. */
  row?: string[];
  /** Also the uploads that hold the row. */
  deleteUploads?: true;
  /** Also everything that queries in Athena returned. */
  queryResults?: true;
  yes?: true;
  dryRun?: true;
  json?: true;
}

/** What is to be forgotten. */
interface Forgetting {
  /** `run reviews-1a2b`, `dataset support`. */
  name: string;
  runs: KnownRun[];
  /** Table files that are written anew, before anything is removed. */
  rewritings: Rewriting[];
  /** In the order in which they are removed. */
  targets: Target[];
  /** Sentences on what is left on purpose. */
  notes: string[];
}

/**
 * `hundredfold forget`: removes every object and every version that holds the words of a run, of a dataset or of a row. It can be repeated, also after it was
 * killed. @returns the exit code.
 * @throws ConfigError: wrong usage, or somebody works on a run.
 */
export async function forgetCommand(options: ForgetOptions, opened?: RunPlace): Promise<number> {
  requireOne(options);
  const place = opened ?? (await openPlace(options));
  const runs = await knownRuns({ work: place.home.work, results: place.results });
  const forgetting = await forgettingOf(options, runs, place);
  if (options.queryResults) forgetting.targets.unshift(queryResultTarget({ ...place, work: place.home.work }));
  if (!options.dryRun) await requireIdle(forgetting.runs, place);

  const ids = new Set(forgetting.runs.map(({ runId }) => runId));
  const events = place.stack || options.row ? { objects: 0, bytes: 0 } : await countEvents(options.out, ids);
  const rewritten = {
    what: 'table files, written anew without the row',
    objects: forgetting.rewritings.length,
    bytes: forgetting.rewritings.reduce((sum, { bytes }) => sum + bytes, 0),
  };
  const lines = { what: 'lines of events.jsonl', ...events };
  const tallies = [rewritten, ...(await tallyOf(forgetting.targets)), lines].filter(({ objects }) => objects > 0);
  const isNothing = tallies.length === 0;
  const people = options.json ? process.stderr : process.stdout;
  const say = (lines: readonly string[]) => people.write(lines.map((line) => `${printable(line)}\n`).join(''));
  say(isNothing ? [`Nothing is stored of ${forgetting.name} in ${place.words}.`] : contentsLines(forgetting, tallies, place, options));
  if (!isNothing && !options.dryRun) {
    await requireConsent(options);
    await requireIdle(forgetting.runs, place);
    if (!(await forget(forgetting, ids, place, options))) {
      throw new Error(`Something of ${forgetting.name} was written meanwhile: wait until nobody works on it, and run this command again.`);
    }
    say([`Forgotten: ${forgetting.name}.`]);
  }
  const unreachable = outOfReach(place);
  say([...forgetting.notes, 'Out of reach of this command:', ...unreachable.map((line) => `  - ${line}`)]);
  if (options.json) {
    const isForgotten = !options.dryRun;
    const record = { name: forgetting.name, runs: [...ids], removed: isForgotten, contents: tallies, out_of_reach: unreachable };
    process.stdout.write(`${JSON.stringify(record)}\n`);
  }
  return 0;
}

function contentsLines({ name, runs }: Forgetting, tallies: readonly Tally[], place: RunPlace, { dryRun }: ForgetOptions): string[] {
  return [
    `${dryRun ? 'Would remove' : 'To be removed'} for good, with all versions: ${name} in ${place.words}`,
    ...listOf(runs).map((line) => `  ${line}`),
    ...tallies.map(({ what, objects, bytes }) => `  ${counted(objects, 'object').padStart(14)}  ${byteSize(bytes).padStart(9)}  ${what}`),
  ];
}

/** @throws ConfigError: not exactly one thing is named. */
function requireOne({ run, dataset, row, deleteUploads }: ForgetOptions): void {
  const refused = (words: string) => new ConfigError(words, { code: 'usage' });
  if ([run, dataset, row].filter((what) => what !== undefined).length !== 1)
    throw refused('Say what to forget: --run ID, --dataset NAME, or --row DATASET ID.');
  if (row && row.length !== 2) throw refused('--row takes two words: the dataset and the id of the row.');
  if (deleteUploads && !row) throw refused('--delete-uploads goes with --row; the others remove uploads anyway.');
}

function forgettingOf(options: ForgetOptions, runs: ReadonlyMap<string, KnownRun>, place: RunPlace): Promise<Forgetting> {
  const [dataset, id] = options.row ?? [];
  if (dataset !== undefined && id !== undefined) return ofRow(dataset, id, runs, place, options.deleteUploads === true);
  return options.run === undefined ? ofDataset(options.dataset!, runs, place) : ofRun(options.run, runs, place);
}

const listOf = (runs: readonly KnownRun[]): string[] => {
  const shown = runs.slice(0, SHOWN_RUNS).map(({ runId, source }) => `run ${runId}${source ? ` of ${source.key}` : ''}`);
  return runs.length > SHOWN_RUNS ? [...shown, `and ${runs.length - SHOWN_RUNS} more runs`] : shown;
};

/** One run, with the digests that folded its summary. */
async function ofRun(name: string, runs: ReadonlyMap<string, KnownRun>, place: RunPlace): Promise<Forgetting> {
  const run = runNamed(name, runs, place);
  const digests = await digestsOf(run, runs, place);
  const all = [run, ...digests.runs.filter(({ runId }) => runId !== run.runId)];
  const stores = { ...place, work: place.home.work };
  const digestUploads = digests.uploads.map((upload) => versionTarget(upload, place));
  const ofAll = async (targetsOf: (run: KnownRun, places: typeof stores) => Target[] | Promise<Target[]>) =>
    (await Promise.all(all.map((one) => targetsOf(one, stores)))).flat();
  const targets = [
    ...(await ofAll(resultTargets)),
    ...(await ofAll(contentTargets)),
    ...(await ofAll(uploadTargets)),
    ...digestUploads,
    ...workTargets(all, stores),
  ];
  const chosen = new Set(all.map(({ runId }) => runId));
  const siblings = [...runs.values()].filter(
    ({ runId, source }) => !chosen.has(runId) && source?.key === run.source?.key && source?.versionId === run.source?.versionId,
  );
  const notes =
    siblings.length > 0 && run.source
      ? ['Other runs read the same upload and hold the same words; forget them, too:', ...listOf(siblings).map((line) => `  ${line}`)]
      : [];
  return { name: `run ${run.runId}`, runs: all, rewritings: [], targets, notes };
}

const versionTarget = ({ key, versionId }: { key: string; versionId: string }, { versions }: RunPlace): Target => ({
  what: 'input versions',
  versions: versions.input,
  prefix: key,
  isMeant: (version) => version.key === key && version.versionId === versionId,
});

/** A run by its id or how it begins. One that nothing is known of may still have tables, of a forgetting that was cut short. */
function runNamed(name: string, runs: ReadonlyMap<string, KnownRun>, { words }: RunPlace): KnownRun {
  const exact = runs.get(name);
  if (exact) return exact;
  const fitting = [...runs.values()].filter(({ runId }) => runId.startsWith(name));
  if (fitting.length > 1) {
    throw new ConfigError(`Several runs of ${words} begin with ${name}; name one of them:\n${listOf(fitting).join('\n')}`, {
      code: 'ambiguous_run',
    });
  }
  if (!/^[a-z0-9-]+$/.test(name)) throw new ConfigError(`There is no run ${name} in ${words}.`, { code: 'no_such_run' });
  return fitting[0] ?? { runId: name, dataset: null, source: null, dates: [], dependents: [] };
}

/** A dataset with all of its uploads, runs and answers. */
async function ofDataset(dataset: string, runs: ReadonlyMap<string, KnownRun>, place: RunPlace): Promise<Forgetting> {
  const all = [...runs.values()].filter((run) => run.dataset === dataset);
  const stores = { ...place, work: place.home.work };
  const { uploads, contents } = datasetTargets(dataset, stores);
  const results = (await Promise.all(all.map((run) => resultTargets(run, stores)))).flat();
  const targets = [...results, contents, uploads, ...workTargets(all, stores)];
  const unknown = [...runs.values()].filter((run) => run.dataset === null);
  const notes =
    unknown.length > 0
      ? [
          'Of these runs nothing says of which dataset they are; forget them by their ids if they are:',
          ...listOf(unknown).map((line) => `  ${line}`),
        ]
      : [];
  return { name: `dataset ${dataset}`, runs: all, rewritings: [], targets, notes };
}

/** One row, in every run of its dataset that has it. */
async function ofRow(
  dataset: string,
  id: string,
  runs: ReadonlyMap<string, KnownRun>,
  place: RunPlace,
  isUploadMeant: boolean,
): Promise<Forgetting> {
  const stores = { ...place, work: place.home.work };
  const forgetting: Forgetting = { name: `row ${id} of dataset ${dataset}`, runs: [], rewritings: [], targets: [], notes: [] };
  const { rewritings, targets, notes } = forgetting;
  const works: KnownRun[] = [];
  const groups = new Set<string>();
  const uploads: Target[] = [];
  for (const run of runs.values()) {
    if (run.dataset !== dataset || forgetting.runs.includes(run)) continue;
    const traces = await tracesOf(id, run, stores);
    if (!traces) continue;
    forgetting.runs.push(run);
    works.push(run);
    for (const group of traces.groups) groups.add(group);
    rewritings.push(...(await rewritingsOf(id, run, traces, place.results)));
    targets.push(...(await staleTargets(run, stores)), ...reportTargets(run, stores), ...(await contentTargets(run, stores, traces)));
    uploads.push(...(await uploadTargets(run, stores)));
    const digests = await digestsOf(run, runs, place);
    for (const digest of digests.runs) {
      if (forgetting.runs.includes(digest)) continue;
      forgetting.runs.push(digest);
      // Its upload last: it is what leads to the others again after a crash.
      targets.push(...(await resultTargets(digest, stores)), ...(await contentTargets(digest, stores)));
      targets.push(...workTargets([digest], stores), ...(await uploadTargets(digest, stores)));
    }
    targets.push(...digests.uploads.map((upload) => versionTarget(upload, place)));
  }
  if (isUploadMeant) targets.push(...uploads);
  else if ((await tallyOf(uploads)).length > 0) {
    const places = [...new Set(works.flatMap(({ source }) => (source ? [`  ${source.key}, version ${source.versionId}`] : [])))];
    notes.push(
      'These uploads hold the row; put them there anew without it and remove the old version, or say --delete-uploads:',
      ...places,
    );
  }
  notes.push(...leftOfRow(groups));
  targets.push(...workTargets(works, stores));
  return forgetting;
}

/** @throws ConfigError: an attempt is alive, or may be in a moment. */
async function requireIdle(runs: readonly KnownRun[], { home }: RunPlace): Promise<void> {
  for (const { runId } of runs) {
    const latest = await readLatest(runId, home);
    if (latest?.owner?.kind === 'working') {
      throw new ConfigError(`Run ${runId}: ${latest.owner.words} Nothing was removed.`, { code: 'run_in_progress' });
    }
    const acceptedAt = Date.parse(latest?.claim?.acceptedAt ?? '');
    if (latest?.owner?.kind === 'unstarted' && systemClock.now() - acceptedAt < STARTING_MS) {
      throw new ConfigError(
        `Run ${runId} was accepted just now and is about to start. Wait until it ends, or for 15 minutes. Nothing was removed.`,
        {
          code: 'run_in_progress',
        },
      );
    }
  }
}

/** @throws ConfigError: nobody agrees. */
async function requireConsent({ yes }: ForgetOptions): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) {
    throw new ConfigError('Nothing was removed: without a terminal to ask on, say --yes (--dry-run shows what would go).', {
      code: 'no_consent',
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question('This cannot be undone. Type yes to remove it: ');
    if (answer.trim().toLowerCase() !== 'yes') throw new ConfigError('Nothing was removed.', { code: 'no_consent' });
  } finally {
    terminal.close();
  }
}

/** @returns whether nothing is left. */
async function forget(
  { name, runs, rewritings, targets }: Forgetting,
  ids: ReadonlySet<string>,
  place: RunPlace,
  { out, row }: ForgetOptions,
): Promise<boolean> {
  // Kept to the end, so that whoever takes this up after a crash knows what the deleted claims and tables had said.
  for (const { runId, dataset, source, dates } of runs) {
    const dependents = [...ids].filter((id) => id !== runId);
    const mark = { ...(dataset !== null && { dataset }), source, dates, ...(name.startsWith('run ') && { dependents }) };
    await place.home.work.putIfAbsent(forgettingKey(runId), JSON.stringify(mark));
  }
  for (const { write } of rewritings) await write();
  if (!place.stack && !row) await removeEvents(out, ids);
  return erase(targets);
}
