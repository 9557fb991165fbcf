import { systemClock } from '../functions/shared/clock.ts';
import type { Run } from '../functions/shared/contract.ts';
import { OFFLINE_ENDPOINT, OFFLINE_MODEL } from '../functions/shared/model-catalog.ts';
import { painted } from './colours.ts';
import { EventCommand } from './event-command.ts';
import { exitCodeOf, INTERRUPTED } from './exit-codes.ts';
import { dollars } from './figures.ts';
import { claimNextAttempt } from './local-attempt.ts';
import { type LocalRun, type RunRecord, runLocally } from './local-run.ts';
import { type LocalStores, localStores } from './local-stores.ts';
import { importUpload, localUpload, type UploadOptions } from './local-upload.ts';
import { chooseModel, type ModelChoice } from './model-choice.ts';
import { type Again, commandLine } from './next-step.ts';
import { Progress } from './progress.ts';
import { RunMeter } from './run-meter.ts';
import { planLines, summaryLines, troubleLines } from './run-summary.ts';
import { RunWarnings } from './run-warnings.ts';

export interface AttemptOptions {
  out: string;
  concurrency: number;
  json?: true;
  verbose?: true;
  /** Neither progress nor plan: only warnings, errors and the result. */
  quiet?: true;
  /** Shell command to run for each event. */
  onEvent?: string;
  onEventTimeout: number;
}

export interface RunOptions extends UploadOptions, AttemptOptions {
  offline?: true;
}

/**
 * `hundredfold run`: one upload from file to tables. @returns the exit code.
 * @throws ConfigError: wrong usage, found before work starts.
 */
export async function runCommand(file: string | undefined, options: RunOptions): Promise<number> {
  const model = chooseModel({ hasFile: file !== undefined, isOffline: options.offline === true, env: process.env });
  const upload = localUpload(file, model.endpoint, options);
  const stores = localStores(options.out);
  const show = showing(options);
  const run = await stoppable(show, async () => {
    show.progress.start();
    return claimNextAttempt(await importUpload(upload, options.out, stores.work, show.meter), stores.work, systemClock);
  });
  return runAttempt(run, model, stores, options, { show });
}

/** What people watch while a run works. */
interface Show {
  meter: RunMeter;
  progress: Progress;
}

function showing({ quiet }: Pick<AttemptOptions, 'quiet'>): Show {
  const meter = new RunMeter();
  return { meter, progress: new Progress(meter, process.stderr, quiet === true) };
}

/** The command that was given to this process. */
export const again: Again = (...more) => commandLine([...process.argv.slice(2), ...more], process.env);

interface Watching {
  /** @default one of its own */
  show?: Show;
  /** Says what came of it. @default prints the result */
  tell?: (record: RunRecord) => Promise<void>;
  /** Whether the plan is told before the first call. @default true */
  isPlanTold?: boolean;
}

/** Runs a claimed attempt to its end while people watch. @returns the exit code. */
export async function runAttempt(
  run: Run,
  model: ModelChoice,
  stores: LocalStores,
  options: AttemptOptions,
  { show = showing(options), tell = (record) => print(record, options, stores), isPlanTold = true }: Watching = {},
): Promise<number> {
  const { meter, progress } = show;
  const warn = (line: string) => progress.say(line);

  const { onEvent, onEventTimeout } = options;
  const command = onEvent === undefined ? undefined : new EventCommand({ command: onEvent, timeoutSeconds: onEventTimeout, warn });
  const failures: unknown[] = [];
  const warnings = new RunWarnings(meter, warn);
  const observer: LocalRun['observer'] = {
    meter,
    planned(plan, { settings }) {
      const lines = planLines(plan, model.endpoint === OFFLINE_ENDPOINT ? OFFLINE_MODEL : settings.model);
      if (isPlanTold && !options.quiet) for (const line of lines) warn(line);
      if (settings.maxCostUsd !== null && (plan.estimatedCostUsd ?? 0) > settings.maxCostUsd) {
        warn(
          `Warning: this may cost more than the cap of ${dollars(settings.maxCostUsd)}; the run then halts and can be resumed with a higher one.`,
        );
      }
    },
    waiting: (seconds) => warnings.waiting(seconds),
    stepFailed: (step, error) => {
      failures.push(error);
      warnings.stepFailed(error);
      if (options.verbose) warn(`${step}: ${error instanceof Error ? error.stack : error}`);
    },
    told: (event) => command?.tell(event),
    log: {
      info: (message, fields) => (options.verbose ? warn(`${message} ${JSON.stringify(fields ?? {})}`) : undefined),
      warn: (message, fields) => (options.verbose ? warn(`${message} ${JSON.stringify(fields ?? {})}`) : undefined),
    },
  };
  try {
    progress.start();
    const record = await interruptible(progress, (interrupt) =>
      runLocally({ run, out: options.out, stores, model, concurrency: options.concurrency, observer, interrupt }).finally(() => {
        progress.stop();
        command?.stopOnSignals();
      }),
    );

    if (!record) throw failures.at(-1) ?? new Error('The run left no record');
    await tell(record);
    return exitCodeOf(record);
  } finally {
    await command?.ended();
  }
}

/** The first Ctrl-C lets the calls in flight finish and halts the run; a second one stops at once. */
async function interruptible<Result>(progress: Progress, work: (interrupt: AbortSignal) => Promise<Result>): Promise<Result> {
  const interrupt = new AbortController();
  return onSignals(
    () => {
      if (interrupt.signal.aborted) stopAtOnce(progress);
      progress.say('Stopping: the calls in flight are finished and kept. Ctrl-C again stops at once.');
      interrupt.abort();
    },
    () => work(interrupt.signal),
  );
}

/** Before the first call there is nothing to wait for. */
const stoppable = async <Result>({ progress }: Show, work: () => Promise<Result>): Promise<Result> =>
  onSignals(() => stopAtOnce(progress), work).catch((error: unknown) => {
    progress.stop();
    throw error;
  });

export function stopAtOnce(progress: Progress): never {
  progress.stop();
  process.stderr.write(`Stopped. To go on: ${again()}\n`);
  process.exit(INTERRUPTED);
}

export async function onSignals<Result>(onSignal: () => void, work: () => Promise<Result>): Promise<Result> {
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    return await work();
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function print(record: RunRecord, options: AttemptOptions, stores: LocalStores): Promise<void> {
  const isTerse = options.json && options.quiet;
  const [verdict, ...lines] = isTerse
    ? troubleLines(record, options.out, again)
    : await summaryLines(record, options.out, stores.work, again);
  // With --json only the record is for programs; people read the rest on stderr.
  const people = options.json ? process.stderr : process.stdout;
  if (verdict !== undefined) {
    people.write([record.status === 'complete' ? verdict : painted(people, 'red', verdict), ...lines, ''].join('\n'));
  }
  if (options.json) process.stdout.write(`${JSON.stringify(record)}\n`);
}
