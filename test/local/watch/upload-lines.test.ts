import { expect, test } from '@jest/globals';
import { ConfigError } from '../../../functions/shared/errors.ts';
import { RunMeter } from '../../../local/run-meter.ts';
import { lineOf, remedyOf, troubleOf } from '../../../local/watch/upload-lines.ts';
import { WatchMeter } from '../../../local/watch/watch-meter.ts';

const systemError = (code: string) => Object.assign(new Error(`${code}: it failed, open 'a.csv'`), { code, syscall: 'open' });

test('trouble of the disk or of rights passes without the file changing: it is tried again, and what to do is said', () => {
  expect(troubleOf(systemError('ENOSPC'), false)).toEqual({
    kind: 'later',
    words:
      "ENOSPC: it failed, open 'a.csv'. The disk is full: make room, or name a folder on another one with --out. It is tried again in a quarter of an hour.",
    pauseMs: 15 * 60_000,
  });
  expect(troubleOf(systemError('EACCES'), true)).toMatchObject({
    kind: 'later',
    words: expect.stringContaining('run the same command again'),
  });
  expect(troubleOf(systemError('ENAMETOOLONG'), false)).toMatchObject({ kind: 'refused', isDefect: false });
  expect(troubleOf(systemError('ENOENT'), false)).toEqual({ kind: 'gone' });
});

test('a run that another process has, or was faster to claim, is looked at again soon; wrong settings wait for others; the rest is a defect', () => {
  for (const code of ['run_in_progress', 'claimed_by_another']) {
    expect(troubleOf(new ConfigError('Somebody else', { code }), false)).toEqual({ kind: 'busy', words: 'Somebody else', pauseMs: 60_000 });
  }
  expect(troubleOf(new ConfigError('no such setting', { code: 'invalid_settings' }), false)).toMatchObject({
    kind: 'refused',
    isDefect: false,
  });
  expect(troubleOf(new TypeError('undefined'), false)).toMatchObject({ kind: 'refused', isDefect: true });
});

test('each end says what to do next', () => {
  const end = { redrive: 'redrive R', reason: null, isTriedAgain: false };
  expect(remedyOf({ ...end, status: 'halted', reason: 'budget_exceeded' })).toBe('; to go on: redrive R --max-cost-usd N');
  expect(remedyOf({ ...end, status: 'halted', reason: 'quota_exhausted: insufficient_quota', isTriedAgain: true })).toBe(
    '; it is tried again in a quarter of an hour, or when that is mended by redrive R',
  );
  expect(remedyOf({ ...end, status: 'halted', reason: 'quota_exhausted: insufficient_quota' })).toBe('; when that is mended: redrive R');
  expect(remedyOf({ ...end, status: 'partial' })).toBe('; to ask again for what failed: redrive R');
  expect(remedyOf({ ...end, status: 'complete' })).toBe('');
});

test('a name with line breaks and control characters stays one line, in a line and in the bar', () => {
  const name = 'a\nb.csv: complete\u001b[31m.csv';
  expect(lineOf(name, 'rejected')).toBe('a\ufffdb.csv: complete\ufffd[31m.csv: rejected');
  const meter = new WatchMeter();
  meter.add(name, new RunMeter());
  expect(meter.line().parts[0]?.text).toBe('a\ufffdb.csv: complete\ufffd[31m.csv');
});

test('several runs that are stopped say so, with the calls that are still in flight', () => {
  const meter = new WatchMeter();
  for (const key of ['a.csv', 'b.csv']) {
    const run = new RunMeter();
    Object.assign(run, { isStopping: true, callsInFlight: 2 });
    meter.add(key, run);
  }
  expect(meter.line().parts.at(-1)?.text).toBe('stopping, 4 in flight');
});
