import { readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import pLimit, { type LimitFunction } from 'p-limit';
import { systemClock } from '../functions/shared/clock.ts';
import type { Run } from '../functions/shared/contract.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import { resolveSettings } from '../functions/shared/settings.ts';
import { directoryStore } from './directory-store.ts';
import { EventCommand } from './event-command.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { atMostDollars, count, counted, dollars, duration, printableName } from './figures.ts';
import { type RunRecord, runLocally } from './local-run.ts';
import { localStores } from './local-stores.ts';
import { isWithin, pathAsCalled } from './local-upload.ts';
import { chooseModel, type ModelChoice } from './model-choice.ts';
import { outFlag } from './next-step.ts';
import { Progress } from './progress.ts';
import { type AttemptOptions, again, onSignals, stopAtOnce } from './run-command.ts';
import { RunMeter } from './run-meter.ts';
import { RunWarnings } from './run-warnings.ts';
import { AcceptedUploads } from './watch/accepted-uploads.ts';
import { filesBelow, seenFile } from './watch/folder-scan.ts';
import { type SeenUpload, signatureOfFile, uploadsAmong } from './watch/seen-uploads.ts';
import { lineOf, remedyOf, troubleOf } from './watch/upload-lines.ts';
import { WatchMeter } from './watch/watch-meter.ts';
import { HALT_PAUSE_MS, type NextRun, nextRun, type WatchedFolder } from './watch/watched-run.ts';
import { type Turn, watch } from './watch/watcher.ts';

const POLL_MS = 1_000;
/** Which of several ends the exit code of `--once` tells: the one that wants a person most. */
const exitCodesByWeight = [exitCodes.failed, exitCodes.halted, exitCodes.rejected, exitCodes.partial];

export interface WatchCommandOptions extends AttemptOptions {
  /** Settings named on the command line, by their names. */
  settings: Record<string, unknown>;
  maxRuns: number;
  settle: number;
  once?: true;
  offline?: true;
}

/**
 * `hundredfold watch`: a run for each upload that is dropped into a folder. @returns the exit code.
 * @throws ConfigError: there is no such folder, or it holds the results, or a setting is wrong.
 */
export async function watchCommand(folder: string, options: WatchCommandOptions): Promise<number> {
  const model = chooseModel({ hasFile: true, isOffline: options.offline === true, env: process.env });
  const path = pathOf(folder, options.out);
  resolveSettings([{ origin: 'command line', values: options.settings }]);
  return new FolderWatch(path, model, options).run();
}

function pathOf(folder: string, out: string): string {
  const path = pathAsCalled(folder);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new ConfigError(`There is no folder ${path}; make it, or name another one.`, { code: 'no_such_folder' });
  }
  const [inner, outer] = [realPath(out), realpathSync(path)];
  if (isWithin(outer, inner) || isWithin(inner, outer)) {
    throw new ConfigError(`The folder ${path} and --out ${out} lie in each other, and results would become uploads; name another --out.`, {
      code: 'out_in_folder',
    });
  }
  return path;
}

/** Without links, also where the last folders are still to be made. */
function realPath(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    return join(realPath(dirname(absolute)), basename(absolute));
  }
}

class FolderWatch {
  readonly #options: WatchCommandOptions;
  readonly #model: ModelChoice;
  readonly #folder: WatchedFolder;
  readonly #meter = new WatchMeter();
  readonly #progress: Progress;
  readonly #calls: LimitFunction;
  readonly #command: EventCommand | undefined;
  readonly #interrupt = new AbortController();
  readonly #codes = new Set<number>();
  #complete = 0;

  constructor(path: string, model: ModelChoice, options: WatchCommandOptions) {
    this.#options = options;
    this.#model = model;
    this.#progress = new Progress(this.#meter, process.stderr, options.quiet === true);
    this.#calls = pLimit(options.concurrency);
    const { onEvent, onEventTimeout, out, settings } = options;
    if (onEvent !== undefined) {
      this.#command = new EventCommand({ command: onEvent, timeoutSeconds: onEventTimeout, warn: (line) => this.#warn(line) });
    }
    this.#folder = {
      ...{ path, out, settings, endpoint: model.endpoint, stores: localStores(out), clock: systemClock },
      accepted: new AcceptedUploads(directoryStore(join(out, 'watched'), 'watched'), model.endpoint),
      signatureOf: (upload) => this.#signatureOf(upload),
    };
  }

  async run(): Promise<number> {
    const { maxRuns, settle, once = false } = this.#options;
    const { path } = this.#folder;
    this.#say(
      `Watching ${printableName(path)}${this.#options.once ? ', once' : ''}: a file that has kept still for ${settle} s becomes a run. Ctrl-C ends it.`,
    );
    const onSignal = () => {
      if (this.#interrupt.signal.aborted) stopAtOnce(this.#progress);
      if (this.#meter.size > 0) this.#warn('Stopping: the calls in flight are finished and kept. Ctrl-C again stops at once.');
      this.#interrupt.abort();
    };
    try {
      await onSignals(onSignal, () =>
        watch(
          {
            scan: () => this.#scan(),
            turn: (upload) => this.#turn(upload),
            now: () => performance.now(),
            pause: (milliseconds, signal) => pause(milliseconds, undefined, { signal }).catch(() => {}),
            unreadable: (error) => {
              this.#warn(`${path} cannot be read now: ${(error as Error).message}`);
              if (once) this.#codes.add(exitCodes.failed);
            },
            unsettled: ({ key }) => this.#warn(lineOf(key, 'still being written; it is left to the next time.')),
          },
          { settleMs: settle * 1000, pollMs: Math.min(POLL_MS, settle * 1000), maxRuns, once, signal: this.#interrupt.signal },
        ),
      );
    } finally {
      this.#progress.stop();
      this.#command?.stopOnSignals();
      await this.#command?.ended();
    }
    if (once && this.#complete > 0) this.#say(`${counted(this.#complete, 'upload')} had been summarized before.`);
    if (this.#interrupt.signal.aborted) this.#warn(`To go on: ${again()}`);
    return exitCodesByWeight.find((code) => this.#codes.has(code)) ?? exitCodes.complete;
  }

  async #scan(): Promise<SeenUpload[]> {
    const { path } = this.#folder;
    return uploadsAmong(await filesBelow(path), (key) => {
      try {
        return readFileSync(join(path, key));
      } catch {
        return undefined;
      }
    });
  }

  async #signatureOf({ key, kind }: SeenUpload): Promise<string | undefined> {
    if (kind === 'folder') return (await this.#scan()).find((upload) => upload.key === key)?.signature;
    const file = await seenFile(this.#folder.path, key);
    return file && signatureOfFile(file);
  }

  /** Never throws: whatever is wrong with one upload, the others go on. */
  async #turn(upload: SeenUpload): Promise<Turn> {
    const meter = new RunMeter();
    this.#meter.add(upload.key, meter);
    this.#progress.start();
    try {
      return await this.#turnOf(await nextRun(upload, this.#folder, meter), upload, meter);
    } catch (error) {
      return this.#troubleWith(upload, error);
    } finally {
      this.#meter.remove(upload.key);
      if (this.#meter.size === 0) this.#progress.stop();
    }
  }

  async #turnOf(next: NextRun, { key }: SeenUpload, meter: RunMeter): Promise<Turn> {
    switch (next.kind) {
      case 'changed':
        return next;
      case 'complete':
        this.#complete++;
        return { kind: 'done' };
      case 'ended':
        this.#codes.add(exitCodeOf(next));
        this.#warn(lineOf(key, `${next.status} before${reasonOf(next.reason)}${this.#remedyOf(next.status, next.runId, next.reason)}`));
        return next.status === 'rejected' ? { kind: 'refused' } : { kind: 'done' };
      case 'paused':
        this.#codes.add(exitCodes.halted);
        this.#warn(
          lineOf(key, `halted before${reasonOf(next.reason)}; it is tried again in ${duration((next.until - Date.now()) / 1000)}`),
        );
        return laterBy(next.until - Date.now());
      case 'forgotten':
        this.#warn(
          lineOf(key, `its run ${next.runId} was forgotten; take the file out of the folder, or summarize it again with npm start`),
        );
        return { kind: 'done' };
      case 'run':
        return this.#attempt(next.run, key, meter);
    }
  }

  async #attempt(run: Run, key: string, meter: RunMeter): Promise<Turn> {
    const { out, concurrency, verbose, json } = this.#options;
    const log = (message: string, fields?: object) => {
      if (verbose) this.#warn(`${key}: ${message} ${JSON.stringify(fields ?? {})}`);
    };
    const failures: unknown[] = [];
    const warnings = new RunWarnings(meter, (line) => this.#warn(lineOf(key, line)));
    const startedAt = performance.now();
    const record = await runLocally({
      ...{ run, out, concurrency, stores: this.#folder.stores, model: this.#model, calls: this.#calls },
      interrupt: this.#interrupt.signal,
      observer: {
        meter,
        planned: ({ counts, estimatedCostUsd }) => {
          const cost = atMostDollars(estimatedCostUsd);
          const goesOn = run.attempt > 1 ? ', goes on' : '';
          this.#say(
            lineOf(key, `${counted(counts.rowsIn, 'row')}, ${counted(counts.batches, 'batch')}, ${cost}${goesOn}; run ${run.runId}`),
          );
        },
        waiting: (seconds) => warnings.waiting(seconds),
        stepFailed: (step, error) => {
          failures.push(error);
          warnings.stepFailed(error);
          if (verbose) this.#warn(`${key}: ${step}: ${error instanceof Error ? error.stack : error}`);
        },
        told: (event) => this.#command?.tell(event),
        log: { info: log, warn: log },
      },
    });
    if (!record) throw failures.at(-1) ?? new Error('The run left no record');
    this.#codes.add(exitCodeOf(record));
    const turn = afterEnd(record);
    const isTriedAgain = turn.kind === 'later' && !this.#options.once && !this.#interrupt.signal.aborted;
    this.#tellEnd(key, record, { seconds: (performance.now() - startedAt) / 1000, isTriedAgain });
    if (json) process.stdout.write(`${JSON.stringify(record)}\n`);
    return turn;
  }

  #tellEnd(key: string, record: RunRecord, { seconds, isTriedAgain }: { seconds: number; isTriedAgain: boolean }): void {
    const { status, stop_reason: reason, run_id: runId } = record;
    const number = (name: string) => Number(record[name] ?? 0);
    const done = `${counted(number('rows_summarized'), 'row')} of ${count(number('rows_in'))}, ${counted(number('calls_this_attempt'), 'call')}`;
    const cost = dollars(record.cost_usd === null ? null : number('cost_usd'));
    const words =
      status === 'rejected'
        ? `rejected${reasonOf(reason)}`
        : `${status}${reasonOf(reason)}, ${done}, ${cost}, ${duration(seconds)}; run ${runId}`;
    const line = lineOf(key, `${words}${this.#remedyOf(String(status), String(runId), textOf(reason), isTriedAgain)}`);
    if (status === 'complete' && this.#options.quiet && this.#options.json) return;
    // What is done is the result; with --json only the records are.
    if (this.#options.json || status === 'rejected') this.#warn(line);
    else this.#progress.say(line, process.stdout);
  }

  #remedyOf(status: string, runId: string, reason: string | null, isTriedAgain = false): string {
    return remedyOf({ status, reason, redrive: `npm run redrive -- ${runId}${outFlag(this.#options.out)}`, isTriedAgain });
  }

  #troubleWith({ key }: SeenUpload, error: unknown): Turn {
    const { once = false, verbose } = this.#options;
    const trouble = troubleOf(error, once);
    if (trouble.kind === 'gone') return { kind: 'changed' };
    this.#warn(lineOf(key, trouble.words));
    if (trouble.kind === 'busy') return laterBy(trouble.pauseMs);
    this.#codes.add(error instanceof ConfigError ? exitCodes.rejected : exitCodes.failed);
    if (error instanceof Error && (verbose || (trouble.kind === 'refused' && trouble.isDefect))) this.#warn(String(error.stack));
    return trouble.kind === 'later' ? laterBy(trouble.pauseMs) : { kind: 'refused' };
  }

  #say(line: string): void {
    if (!this.#options.quiet) this.#progress.say(line);
  }

  #warn(line: string): void {
    this.#progress.say(line);
  }
}

const reasonOf = (reason: unknown) => (reason === null || reason === undefined || reason === '' ? '' : ` (${reason})`);
const laterBy = (milliseconds: number): Turn => ({ kind: 'later', at: performance.now() + Math.max(0, milliseconds) });
const textOf = (value: unknown) => (typeof value === 'string' ? value : null);

function afterEnd({ status, stop_reason: reason }: RunRecord): Turn {
  if (status === 'rejected') return { kind: 'refused' };
  const isLasting = status !== 'halted' || /^(budget_exceeded|breaker|interrupted)/.test(String(reason));
  return isLasting ? { kind: 'done' } : laterBy(HALT_PAUSE_MS);
}
