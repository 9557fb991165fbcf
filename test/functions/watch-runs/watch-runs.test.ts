import { expect, test } from '@jest/globals';
import { type RunningExecution, watchRuns } from '../../../functions/watch-runs/watch-runs.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { RecordingMetrics } from '../../fakes/recording-metrics.ts';
import { FakeClock } from '../../local/workflow/fake-clock.ts';

async function told(...executions: RunningExecution[]) {
  const metrics = new RecordingMetrics();
  const log = new RecordingLog();
  await watchRuns({
    async *running() {
      yield* executions;
    },
    clock: new FakeClock(),
    metrics,
    log,
  });
  return { told: metrics.told, lines: log.lines };
}

const now = new FakeClock().now();

test('the oldest of the runs at work is told, wherever it stands in the list, and named in the log', async () => {
  const runs = [
    { name: 'new-1', startedAt: now - 1_000 },
    { name: 'old-2', startedAt: now - 90_000_000 },
    { name: 'other-1', startedAt: now - 60_000 },
  ];
  expect(await told(...runs)).toEqual({
    told: [{ values: { OpenRuns: 3, OldestRunAge: 90_000 }, subject: {} }],
    lines: [{ level: 'info', message: 'oldest run at work', fields: { execution: 'old-2', ageSeconds: 90_000, open: 3 } }],
  });
});

test('where no run is at work that is told, too: silence means that nobody has looked', async () => {
  expect(await told()).toEqual({ told: [{ values: { OpenRuns: 0, OldestRunAge: 0 }, subject: {} }], lines: [] });
});

test('a clock that is behind Step Functions’ makes no run younger than 0', async () => {
  expect((await told({ name: 'new-1', startedAt: now + 5_000 })).told).toMatchObject([{ values: { OldestRunAge: 0 } }]);
});
