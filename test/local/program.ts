import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ModelServer } from '../../local/model-server/model-server.ts';

export const repository = fileURLToPath(new URL('../..', import.meta.url));
export const cliPath = join(repository, 'local', 'cli.ts');

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Program {
  child: ChildProcess;
  ended: Promise<Ended>;
  /** Settles when the words stand on stderr; rejects when the program ends without them. */
  says(words: string): Promise<void>;
  /** The same on stdout. */
  shows(words: string): Promise<void>;
  /** Settles with the event; rejects when the program ends before it. */
  until<Result>(event: Promise<Result>): Promise<Result>;
}

interface Start {
  /** Added to an environment that holds nothing of the one outside but the way to programs. */
  env?: Record<string, string>;
  cwd?: string;
  /** Whether it leads a process group of its own, as what a terminal starts. @default false */
  isGroup?: boolean;
  /** Whether the test writes to its stdin. @default false */
  hasInput?: boolean;
}

/** A command under way, without a terminal. */
export function startCommand(
  command: string,
  args: readonly string[],
  { env = {}, cwd = tmpdir(), isGroup = false, hasInput = false }: Start = {},
): Program {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(command, args, {
    cwd,
    env: { PATH, HOME, ...env },
    detached: isGroup,
    stdio: [hasInput ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  const output = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const watch of watchers) watch();
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject).on('close', (code, signal) => resolve({ code, signal, ...output }));
  });
  const until = <Result>(event: Promise<Result>) =>
    Promise.race([
      event,
      ended.then(({ code }): never => {
        throw new Error(`It ended too early, with ${code}:\n${output.stdout}${output.stderr}`);
      }),
    ]);
  const has = (name: keyof typeof output, words: string) =>
    until(
      new Promise<void>((resolve) => {
        const watch = () => {
          if (output[name].includes(words)) resolve();
        };
        watchers.add(watch);
        watch();
      }),
    );
  return { child, ended, says: (words) => has('stderr', words), shows: (words) => has('stdout', words), until };
}

/** `hundredfold run|query ...` under way. */
export const startProgram = (args: readonly string[], options: Start = {}): Program =>
  startCommand(process.execPath, [cliPath, ...args], options);

export const runProgram = (args: readonly string[], options: Start = {}): Promise<Ended> => startProgram(args, options).ended;

/** The environment that leads a run to a model server. */
export const endpointEnv = ({ baseUrl }: Pick<ModelServer, 'baseUrl'>) => ({
  OPENAI_BASE_URL: baseUrl,
  OPENAI_API_KEY: 'sk-test-key-of-nobody',
});

/** The record on the last line of `--json`. */
export function recordOf({ code, stdout, stderr }: Ended): Record<string, string | number | null> {
  const line = stdout.trimEnd().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) throw new Error(`There is no record, the exit code is ${code}:\n${stderr}`);
  return JSON.parse(line);
}

const folders: string[] = [];
const children = new Set<ChildProcess>();

/** A new folder; `cleanUp` takes it away. */
export function newFolder(name = 'hundredfold-'): string {
  const folder = mkdtempSync(join(tmpdir(), name));
  folders.push(folder);
  return folder;
}

/** After the last test of a file: ends the programs that a failed test left behind and removes the folders. */
export function cleanUp(): void {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** SHA-256 of every table file of an out folder but those of `runs`, by its path. */
export const tableHashes = (out: string): Record<string, string> =>
  Object.fromEntries(
    globSync('results/tables/*/*/*.parquet', { cwd: out })
      .filter((path) => !path.includes('/runs/'))
      .sort()
      .map((path) => [
        path,
        createHash('sha256')
          .update(readFileSync(join(out, path)))
          .digest('hex'),
      ]),
  );

/** Reviews that differ from each other, as CSV. */
export const reviewsCsv = (rows: number, from = 0) =>
  `id,review,stars\n${Array.from({ length: rows }, (_, index) => `r${from + index},"Review ${from + index}: the lid, the handle and the price were fine.",${index % 5}\n`).join('')}`;
