import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ModelStats } from './answer-account.ts';

export interface ModelOptions {
  latencyMs: number;
  /** One fault in every `period` requests; null for none. */
  faults: { period: number; seed: number } | null;
}

export type ToModel = { kind: 'begin'; options: ModelOptions } | { kind: 'stats' };
export type FromModel = { kind: 'ready'; baseUrl: string } | { kind: 'stats'; stats: ModelStats };

export interface BenchModel extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/v1` */
  baseUrl: string;
  /** From now on it answers so, and counts from nothing. */
  begin(options: Partial<ModelOptions>): Promise<void>;
  stats(): Promise<ModelStats>;
}

/** The model server that all contenders of a benchmark call, in a process of its own. It ends with this process, however that ends. */
export async function openModel(): Promise<BenchModel> {
  const child = fork(fileURLToPath(new URL('model-process.ts', import.meta.url)), { execArgv: [] });
  const ended = once(child, 'exit');
  const next = async (): Promise<FromModel> => {
    const [message] = await Promise.race([
      once(child, 'message'),
      ended.then(() => Promise.reject(new Error('The model server of the benchmark ended'))),
    ]);
    return message as FromModel;
  };
  const ready = await next();
  if (ready.kind !== 'ready') throw new Error('The model server of the benchmark did not start');

  const ask = async (message: ToModel): Promise<ModelStats> => {
    child.send(message);
    const answer = await next();
    if (answer.kind !== 'stats') throw new Error('The model server of the benchmark started twice');
    return answer.stats;
  };
  return {
    baseUrl: ready.baseUrl,
    begin: async (options) => void (await ask({ kind: 'begin', options: { latencyMs: 0, faults: null, ...options } })),
    stats: () => ask({ kind: 'stats' }),
    async [Symbol.asyncDispose]() {
      child.disconnect();
      await ended;
    },
  };
}
