import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median, type Result } from './contenders.ts';

/** Path of a program of this folder. */
export const program = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What local/launch.mjs gives every program of this project. */
export const nodeOptions = process.execArgv;

/** Runs what is to be measured later on: a program of this folder, in a process of its own. */
export const prepare = (path: string, ...args: readonly string[]) =>
  void execFileSync(process.execPath, [...nodeOptions, program(path), ...args], { stdio: ['ignore', 'ignore', 'inherit'] });

/** Writes invented reviews. @returns the path of the CSV file. */
export function reviewFile(folder: string, rows: number): string {
  const path = join(folder, 'reviews.csv');
  prepare('plan/review-files.ts', 'csv', path, String(rows), path);
  return path;
}

/** The median of one figure that a program has taken of itself. */
export const medianOf = <Figures>({ figures }: Result<Figures>, of: (figures: Figures) => number) => median(figures.map(of));

/** Digits for a table: `1,234`, `12.3`, `0.012`. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '';
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value >= 1 ? value.toFixed(1) : value.toPrecision(2);
}

export const whole = (value: number) => Math.round(value).toLocaleString('en');
