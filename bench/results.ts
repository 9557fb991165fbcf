import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a figure can be compared by: no name of the machine, no path. */
export interface Setting {
  command: string;
  date: string;
  machine: string;
  versions: Record<string, string>;
}

const packageVersion = (name: string): string =>
  JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;

/** What this machine is, without its name. */
export const machineOf = (): string =>
  `${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 1024 ** 3)} GiB, ${process.platform} ${process.arch}`;

/** @param packages whose versions matter. */
export const settingOf = (command: string, packages: readonly string[]): Setting => ({
  command,
  date: new Date().toISOString().slice(0, 10),
  machine: machineOf(),
  versions: { node: process.versions.node, ...Object.fromEntries(packages.map((name) => [name, packageVersion(name)])) },
});

/** A table in Markdown; numbers stand to the right. */
export function markdownTable(rows: readonly Record<string, string | number>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const cells = rows.map((row) => columns.map((column) => String(row[column])));
  const widths = columns.map((column, index) => Math.max(column.length, ...cells.map((line) => line[index]?.length ?? 0)));
  const isNumeric = columns.map((_, index) => cells.every((line) => /^[-+]?[\d.,]*$/.test(line[index] ?? '')));
  const lineOf = (line: readonly string[]) =>
    `| ${line.map((cell, index) => (isNumeric[index] ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, index) => (isNumeric[index] ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`;
  return [lineOf(columns), rule, ...cells.map(lineOf)].join('\n');
}

const docsUrl = new URL('../docs/benchmarks.md', import.meta.url);

export const resultsFolder = fileURLToPath(new URL('results', import.meta.url));

/** Writes `<name>.json`. */
export function keepFigures(name: string, setting: Setting, results: unknown, folder = resultsFolder): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ ...setting, results }, null, 2)}\n`);
}

/**
 * Writes `results/<name>.json` and the benchmark's part of docs/benchmarks.md, which lies between its markers.
 * @param otherFolder where both are files of their own instead: results of a trial.
 */
export function keepResults(name: string, setting: Setting, results: unknown, section: string, otherFolder?: string): void {
  const folder = otherFolder ?? resultsFolder;
  keepFigures(name, setting, results, folder);
  if (otherFolder !== undefined) {
    writeFileSync(join(folder, `${name}.md`), `${originOf(setting)}\n\n${section}\n`);
    return;
  }
  const docs = readFileSync(docsUrl, 'utf8');
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const from = docs.indexOf(begin);
  const to = docs.indexOf(end);
  if (from === -1 || to === -1) throw new Error(`docs/benchmarks.md has no ${begin} and ${end}`);
  writeFileSync(docsUrl, `${docs.slice(0, from)}${begin}\n${originOf(setting)}\n\n${section}\n${docs.slice(to)}`);
}

function originOf({ command, date, machine, versions }: Setting): string {
  const named = Object.entries(versions).map(([what, version]) => `${what} ${version}`);
  return `\`${command}\`, ${date}, ${machine}; ${named.join(', ')}.`;
}
