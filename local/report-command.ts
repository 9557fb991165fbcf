import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { RunRecord } from '../functions/finish-run/report/report-page.ts';
import { ExcerptMissing, writeReport } from '../functions/finish-run/report/write-report.ts';
import { fruitlessAttempt } from '../functions/finish-run/standing-record.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import { jsonLines } from '../functions/shared/json-lines.ts';
import { partsKey, reportKey, runTablePrefix } from '../functions/shared/object-keys.ts';
import type { ObjectStore } from '../functions/shared/ports.ts';
import { localStores } from './local-stores.ts';
import { oneNamed } from './run-name.ts';
import { openPlace, type PlaceOptions, type RunPlace } from './run-place.ts';
import { listRuns, readRun } from './run-states.ts';

export interface ReportOptions extends PlaceOptions {
  open?: true;
}

/**
 * `hundredfold report`: prints where the report of a run is, which is made again where it is gone. @returns the exit code.
 * @throws ConfigError: there is no such run, or nothing to make its report of.
 */
export async function reportCommand(name: string | undefined, options: ReportOptions): Promise<number> {
  const place = await openPlace(options);
  const runId = name === undefined ? await newestRun(place) : await oneNamed(name, place);
  const local = localStores(options.out).results;
  const results = place.stack?.results ?? local;
  if (!(await has(results, reportKey(runId)))) await makeAgain(runId, place, results);
  if (results !== local) await local.copy(results, reportKey(runId), reportKey(runId));

  const path = join(options.out, 'results', reportKey(runId));
  process.stdout.write(`${path}\n`);
  if (options.open) await openInBrowser(resolve(path));
  return 0;
}

async function newestRun({ home, words }: RunPlace): Promise<string> {
  const { runs } = await listRuns(home);
  const newest = runs.find(({ record }) => record !== undefined);
  if (!newest) throw new ConfigError(`There is no run in ${words} that has ended.`, { code: 'no_such_run' });
  return newest.state.run_id;
}

async function has(store: ObjectStore, prefix: string): Promise<boolean> {
  for await (const _ of store.list(prefix)) return true;
  return false;
}

async function makeAgain(runId: string, { home, flags }: RunPlace, results: ObjectStore): Promise<void> {
  const run = await readRun(runId, home);
  if (!run?.record) {
    const words = `Run ${runId} has not ended: its end writes the report. npm run status -- ${runId}${flags} shows where it stands.`;
    throw new ConfigError(words, { code: 'run_not_ended' });
  }
  const record: RunRecord = run.record;
  const date = String(record.started_at).slice(0, 10);
  const isShown = await has(results, runTablePrefix('batch_summaries', date, runId));
  const parts: string[] = [];
  if (isShown) for await (const { part } of jsonLines<{ part: string }>(home.work.stream(partsKey(runId)))) parts.push(part);
  try {
    const fruitless = fruitlessAttempt(record.stop_reason) ?? Number.POSITIVE_INFINITY;
    await writeReport(record, { parts, isOfTables: (attempt) => attempt < fruitless }, { work: home.work, results });
  } catch (error) {
    if (!(error instanceof ExcerptMissing)) throw error;
    const words = `What the report of ${runId} is made of is not there: the run is of an older version, or another attempt is writing it. Run the file again to have it; what was answered costs nothing.`;
    throw new ConfigError(words, { code: 'no_report', cause: error });
  }
}

/** How each system opens a file with the program that it has for such files. */
const openers: Partial<Record<NodeJS.Platform, readonly [command: string, ...args: string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
};

/** Shows a file of this machine in the browser, or says that the system has no program for it. */
export async function openInBrowser(path: string): Promise<void> {
  const [command, ...args] = openers[process.platform] ?? ['xdg-open'];
  const child = spawn(command, [...args, path], { detached: true, stdio: 'ignore' });
  await new Promise<void>((settle) => {
    child.once('spawn', settle).once('error', () => {
      process.stderr.write(`${command} is not there to open it; open the file in a browser.\n`);
      settle();
    });
  });
  child.unref();
}
