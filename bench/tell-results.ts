import { keepResults, settingOf } from './results.ts';

/**
 * Prints a benchmark's part of docs/benchmarks.md, and keeps it with its results where the command was given no sizes: those of other sizes
 * would stand beside figures that they cannot be compared with.
 */
export function tellResults(name: string, packages: readonly string[], results: unknown, section: string): void {
  if (process.argv.length === 2) keepResults(name, settingOf(`npm run bench -- ${name}`, packages), results, section);
  process.stdout.write(`${section}\n`);
}
