import { systemClock } from '../functions/shared/clock.ts';
import type { Run } from '../functions/shared/contract.ts';
import { ModelUnavailableError } from '../functions/shared/errors.ts';
import { callsOf } from '../functions/shared/fold.ts';
import { OFFLINE_ENDPOINT, OFFLINE_MODEL } from '../functions/shared/model-catalog.ts';
import { EventCommand } from './event-command.ts';
import { dollars, duration } from './figures.ts';
import { claimNextAttempt } from './local-attempt.ts';
import { type LocalRun, type LocalStores, localStores, type RunRecord, runLocally } from './local-run.ts';
import { importUpload, localUpload, type UploadOptions } from './local-upload.ts';
import { chooseModel, type ModelChoice } from './model-choice.ts';
import { Progress } from './progress.ts';
import { RunMeter } from './run-meter.ts';
import { planLines, summaryLines } from './run-summary.ts';

/** Waits from which on the user is told. */
const SPOKEN_WAIT_SECONDS = 30;

export interface AttemptOptions {
  out: string;
  concurrency: number;
  json?: true;
  verbose?: true;
  /** Shell command to run for each event. */
  onEvent?: string;
  onEventTimeout: number;
}

export interface RunOptions extends UploadOptions, AttemptOptions {
  offline?: true;
}

/** Exit codes by status; a run that left no record is a defect. */
const exitCodes: Record<string, number> = { complete: 0, rejected: 2, partial: 3, halted: 4, failed: 1 };

/**
 * `hundredfold run`: one upload from file to tables. @returns the exit code.
 * @throws ConfigError: wrong usage, found before work starts.
 */
export async function runCommand(file: string | undefined, options: RunOptions): Promise<number> {
  const model = chooseModel({ hasFile: file !== undefined, isOffline: options.offline === true, env: process.env });
  const upload = localUpload(file, model.endpoint, options);
  const stores = localStores(options.out);
  const run = await claimNextAttempt(await importUpload(upload, options.out, stores.work), stores.work, systemClock);
  return runAttempt(run, model, stores, options);
}

/**
 * Runs a claimed attempt to its end while people watch. @returns the exit code.
 * @param tell says what came of it. @default prints the result
 */
export async function runAttempt(
  run: Run,
  model: ModelChoice,
  stores: LocalStores,
  options: AttemptOptions,
  tell: (record: RunRecord) => Promise<void> = (record) => print(record, options, stores),
): Promise<number> {
  const meter = new RunMeter();
  const progress = new Progress(meter, process.stderr);
  const say = (line: string) => progress.say(line);

  const { onEvent, onEventTimeout } = options;
  const command = onEvent === undefined ? undefined : new EventCommand({ command: onEvent, timeoutSeconds: onEventTimeout, warn: say });
  const failures: unknown[] = [];
  let spokenUntil = 0;
  let isSilenceSaid = false;
  const observer: LocalRun['observer'] = {
    meter,
    planned(plan, { settings }) {
      for (const line of planLines(plan, model.endpoint === OFFLINE_ENDPOINT ? OFFLINE_MODEL : settings.model)) say(line);
      if (settings.maxCostUsd !== null && (plan.estimatedCostUsd ?? 0) > settings.maxCostUsd) {
        say(
          `Warning: this may cost more than the cap of ${dollars(settings.maxCostUsd)}; the run then halts and can be resumed with a higher one.`,
        );
      }
      meter.batchesTotal = callsOf(plan);
      progress.start();
    },
    waiting(seconds) {
      if (seconds < SPOKEN_WAIT_SECONDS || Date.now() < spokenUntil) return;
      spokenUntil = Date.now() + seconds * 1000;
      say(`The endpoint's rate limit makes batches wait ${duration(seconds)}. Ctrl-C stops; the same command goes on later.`);
    },
    stepFailed: (step, error) => {
      failures.push(error);
      if (error instanceof ModelUnavailableError && meter.calls === 0 && !isSilenceSaid) {
        isSilenceSaid = true;
        say(`${error.message} Trying again, each batch up to 8 times.`);
      }
      if (options.verbose) say(`${step}: ${error instanceof Error ? error.stack : error}`);
    },
    told: (event) => command?.tell(event),
    log: {
      info: (message, fields) => (options.verbose ? say(`${message} ${JSON.stringify(fields ?? {})}`) : undefined),
      warn: (message, fields) => (options.verbose ? say(`${message} ${JSON.stringify(fields ?? {})}`) : undefined),
    },
  };
  try {
    const record = await interruptible(progress, (interrupt) =>
      runLocally({ run, out: options.out, stores, model, concurrency: options.concurrency, observer, interrupt }).finally(() => {
        progress.stop();
        command?.stopOnSignals();
      }),
    );

    if (!record) throw failures.at(-1) ?? new Error('The run left no record');
    await tell(record);
    return exitCodes[String(record.status)] ?? 1;
  } finally {
    await command?.ended();
  }
}

/** The first Ctrl-C lets the calls in flight finish and halts the run; a second one stops at once. */
async function interruptible<Result>(progress: Progress, work: (interrupt: AbortSignal) => Promise<Result>): Promise<Result> {
  const interrupt = new AbortController();
  const onSignal = () => {
    if (interrupt.signal.aborted) {
      progress.stop();
      process.exit(130);
    }
    progress.say('Stopping: the calls in flight are finished and kept; run the same command again to go on. Ctrl-C again stops at once.');
    interrupt.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    return await work(interrupt.signal);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function print(record: RunRecord, options: AttemptOptions, stores: LocalStores): Promise<void> {
  const lines = await summaryLines(record, options.out, stores.work);
  // With --json only the record is for programs; people read the rest on stderr.
  const people = options.json ? process.stderr : process.stdout;
  people.write(`${lines.join('\n')}\n`);
  if (options.json) process.stdout.write(`${JSON.stringify(record)}\n`);
}
