import { expect, test } from '@jest/globals';
import { memoryControl } from '../../local/memory-control.ts';

test('what earlier attempts have spent is restored, and only once', async () => {
  const control = memoryControl();
  control.restore('run', 0.9);
  control.restore('run', 0.9);
  const request = { runId: 'run', attempt: 2, reserveUsd: 0.1, capUsd: 1, day: '2026-11-26' };
  expect(await control.reserve(request)).toEqual({ granted: true });
  await control.settle(request, 0.1);
  expect(await control.reserve(request)).toEqual({ granted: false, stopReason: 'budget_exceeded' });
});
