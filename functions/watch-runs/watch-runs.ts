import type { Metrics } from '../shared/metrics.ts';
import type { Clock, Log } from '../shared/ports.ts';

export interface RunningExecution {
  /** `<runId>-<attempt>`. */
  name: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

export interface WatchRunsPorts {
  /** Executions that have not ended. */
  running: () => AsyncIterable<RunningExecution>;
  clock: Clock;
  metrics: Metrics;
  log: Log;
}

/** Tells how many runs are at work and how old the oldest is: 0 where there is none, so that silence means that nobody has looked. */
export async function watchRuns({ running, clock, metrics, log }: WatchRunsPorts): Promise<void> {
  let open = 0;
  let oldest: RunningExecution | undefined;
  for await (const execution of running()) {
    open++;
    if (oldest === undefined || execution.startedAt < oldest.startedAt) oldest = execution;
  }
  const ageSeconds = oldest ? Math.max(0, Math.round((clock.now() - oldest.startedAt) / 1000)) : 0;
  if (oldest) log.info('oldest run at work', { execution: oldest.name, ageSeconds, open });
  metrics.tell({ OpenRuns: open, OldestRunAge: ageSeconds }, {});
}
