import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** One program whose runs are measured. */
export interface Contender {
  name: string;
  /** Arguments of Node: its own options, the script, the script's arguments. */
  args: readonly string[];
  /** What to do after each run. @default nothing */
  after?: () => void;
  /** Whether what it says on standard error is nobody's business. @default false */
  isQuiet?: boolean;
}

/** How a section explains its column MiB, which is `residentMb`. */
export const RESIDENT_MIB = 'MiB: most resident (RSS) of the process';

/** One run of a contender, from its start to its end, loading the program included. */
export interface Usage {
  seconds: number;
  /** Processor time of all its threads. */
  cpuSeconds: number;
  /** Most memory that was resident at once, in MiB. */
  residentMb: number;
}

interface Measurement {
  /** The last line that it printed, as JSON. */
  printed: unknown;
  usage: Usage;
}

/** The runs of one contender: medians, but for the memory, of which the most is told. */
export interface Result<Figures = unknown> extends Usage {
  name: string;
  /** What the first run printed. */
  printed: unknown;
  runs: readonly Usage[];
  /** What each run printed: figures that a program takes of itself. */
  figures: readonly Figures[];
}

/** A contender ended with another exit code than 0, or by a signal. */
export class ContenderFailed extends Error {
  override readonly name = 'ContenderFailed';
  readonly contender: string;
  /** null where a signal ended it. */
  readonly exitCode: number | null;

  constructor(contender: string, exitCode: number | null, signal: string | null) {
    super(`${contender} ended with ${signal ?? `exit code ${exitCode}`}`);
    this.contender = contender;
    this.exitCode = exitCode;
  }
}

const preload = fileURLToPath(new URL('usage-at-exit.ts', import.meta.url));
const MAX_PRINTED_BYTES = 16 * 1024 * 1024;

function measure({ name, args, after, isQuiet = false }: Contender): Measurement {
  const started = performance.now();
  const { status, signal, output } = spawnSync(process.execPath, ['--import', preload, ...args], {
    encoding: 'utf8',
    maxBuffer: MAX_PRINTED_BYTES,
    stdio: ['ignore', 'pipe', isQuiet ? 'ignore' : 'inherit', 'pipe'],
  });
  const seconds = (performance.now() - started) / 1000;
  after?.();
  if (status !== 0) throw new ContenderFailed(name, status, signal);
  const [, printed = '', , usage = ''] = output;
  const lastLine = printed?.trimEnd().split('\n').at(-1) ?? '';
  return { printed: lastLine === '' ? null : JSON.parse(lastLine), usage: { seconds, ...JSON.parse(usage ?? '') } };
}

export const median = (values: readonly number[]) => {
  const sorted = values.toSorted((one, other) => one - other);
  return ((sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN) + (sorted[Math.ceil((sorted.length - 1) / 2)] ?? Number.NaN)) / 2;
};

/** Runs the contenders in turn, each in a process of its own, so that whatever else the machine does meets all of them. */
export function runInTurn<Figures = unknown>(contenders: readonly Contender[], repetitions: number): Result<Figures>[] {
  const runs = contenders.map((): Measurement[] => []);
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const [index, contender] of contenders.entries()) runs[index]?.push(measure(contender));
  }
  return contenders.map(({ name }, index) => {
    const measured = runs[index] as Measurement[];
    const usages = measured.map(({ usage }) => usage);
    return {
      name,
      printed: measured[0]?.printed,
      seconds: median(usages.map(({ seconds }) => seconds)),
      cpuSeconds: median(usages.map(({ cpuSeconds }) => cpuSeconds)),
      residentMb: Math.max(...usages.map(({ residentMb }) => residentMb)),
      runs: usages,
      figures: measured.map(({ printed }) => printed as Figures),
    };
  });
}
