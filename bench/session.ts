import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchArguments, parseBenchArguments, type Sizes } from './bench-arguments.ts';
import { onStop } from './on-stop.ts';
import { keepFigures, keepResults, resultsFolder, settingOf } from './results.ts';

const USAGE = 2;

export interface Session<Defaults extends Sizes> {
  sizes: BenchArguments<Defaults>['sizes'];
  /** Where the results are kept that these may be compared with. */
  resultsFolder: string;
  /** Its own, removed when the process ends. */
  folder: string;
  /** Says on standard error how far it is. */
  say(line: string): void;
  /** Ends the process as wrong arguments do, with one sentence. */
  refuse(sentence: string): never;
  /** Prints the section, and keeps it with the results where that is wanted: the whole benchmark, or a folder was named. */
  finish(results: unknown, section: string, versions?: Readonly<Record<string, string>>): void;
}

export interface SessionOptions<Defaults extends Sizes> {
  name: string;
  defaults: Defaults;
  /** Packages whose versions matter. */
  packages: readonly string[];
  /** Whether the section is a part of docs/benchmarks.md. @default true */
  isPage?: boolean;
}

function refuse(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(USAGE);
}

/** What every benchmark with sizes needs around it. Ends the process where its arguments are wrong, with one sentence. */
export function openSession<Defaults extends Sizes>({
  name,
  defaults,
  packages,
  isPage = true,
}: SessionOptions<Defaults>): Session<Defaults> {
  const args = process.argv.slice(2);
  let parsed: BenchArguments<Defaults>;
  try {
    parsed = parseBenchArguments(defaults, args);
  } catch (error) {
    refuse((error as Error).message);
  }
  const { sizes, resultsFolder: namedFolder, isWhole } = parsed;
  const folder = mkdtempSync(join(tmpdir(), 'hundredfold-bench-'));
  // What was killed a moment ago may still write.
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
  // What was started ends with the process.
  onStop((exitCode) => process.exit(exitCode));
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  return {
    sizes,
    resultsFolder: namedFolder ?? resultsFolder,
    folder,
    say,
    refuse,
    finish(results, section, versions = {}) {
      process.stdout.write(`${section}\n`);
      // The folder is nobody else's business.
      const shown = args.filter((arg, index) => arg !== '--results' && args[index - 1] !== '--results');
      const setting = settingOf([`npm run bench -- ${name}`, ...shown].join(' '), packages);
      const whole = { ...setting, versions: { ...setting.versions, ...versions } };
      if (namedFolder !== undefined || isWhole) {
        if (isPage) keepResults(name, whole, results, section, namedFolder);
        else keepFigures(name, whole, results, namedFolder);
      } else say('These are not the usual sizes: nothing is kept (--results DIR keeps it there).');
    },
  };
}
