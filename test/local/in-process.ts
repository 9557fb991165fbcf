import { tmpdir } from 'node:os';
import { runCommandLine } from '../../local/main.ts';
import type { Ended } from './program.ts';

let last: Promise<unknown> = Promise.resolve();

interface Surroundings {
  env?: Record<string, string>;
  cwd?: string;
}

/**
 * What `runProgram` does, in this process, which saves the second that a program takes to start; several are called one after the other.
 * What is about processes (signals, death, several at once) needs real ones.
 */
export function callProgram(args: readonly string[], surroundings: Surroundings = {}): Promise<Ended> {
  const ended = last.then(() => callOne(args, surroundings));
  last = ended.catch(() => {});
  return ended;
}

async function callOne(args: readonly string[], { env = {}, cwd = tmpdir() }: Surroundings): Promise<Ended> {
  const { PATH = '', HOME = '' } = process.env;
  const before = { env: { ...process.env }, argv: process.argv, cwd: process.cwd() };
  const output = { stdout: '', stderr: '' };
  const restore = (['stdout', 'stderr'] as const).map((name) =>
    capture(process[name], (text) => {
      output[name] += text;
    }),
  );
  replaceEnv({ PATH, HOME, ...env });
  process.argv = [process.execPath, 'hundredfold', ...args];
  process.chdir(cwd);
  try {
    return { code: await runCommandLine(args), signal: null, ...output };
  } finally {
    process.chdir(before.cwd);
    process.argv = before.argv;
    replaceEnv(before.env);
    for (const undo of restore) undo();
  }
}

function replaceEnv(env: Record<string, string | undefined>): void {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
}

/** Takes what is written to a stream, as one that is no terminal. @returns what gives it back. */
function capture(stream: NodeJS.WriteStream, take: (text: string) => void): () => void {
  const { write, isTTY } = stream;
  // A command leaves its listeners to the end of the program, which does not come here.
  const listeners = () => stream.eventNames().flatMap((name) => stream.rawListeners(name).map((listener) => ({ name, listener })));
  const before = new Set(listeners().map(({ listener }) => listener));
  const decoder = new TextDecoder();
  stream.isTTY = false;
  stream.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
    take(typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }));
    const done = rest.findLast((argument) => typeof argument === 'function') as ((error?: Error) => void) | undefined;
    if (done) process.nextTick(done);
    return true;
  }) as typeof stream.write;
  return () => {
    stream.write = write;
    stream.isTTY = isTTY;
    for (const { name, listener } of listeners()) if (!before.has(listener)) stream.off(name, listener as (...args: unknown[]) => void);
  };
}
