import { expect, test } from '@jest/globals';
import type { SeenUpload } from '../../../local/watch/seen-uploads.ts';
import { type Turn, type WatchOptions, watch } from '../../../local/watch/watcher.ts';

const upload = (key: string, signature = 'one', settingsSignature = ''): SeenUpload => ({
  ...{ key, signature, settingsSignature },
  kind: 'file',
  dataset: 'default',
});

/** A watch over a folder that a script changes: what is there from each second on; the clock stands still but for its pauses. */
async function watched(
  script: Record<number, SeenUpload[] | Error>,
  {
    turn = async () => ({ kind: 'done' }),
    seconds = 20,
    ...options
  }: Partial<WatchOptions> & { turn?: (upload: SeenUpload) => Promise<Turn>; seconds?: number } = {},
) {
  const said: string[] = [];
  const stop = new AbortController();
  let now = 0;
  let present: SeenUpload[] | Error = [];
  await watch(
    {
      async scan() {
        for (const [from, uploads] of Object.entries(script)) if (now / 1000 >= Number(from)) present = uploads;
        if (present instanceof Error) throw present;
        return present;
      },
      async turn(seen) {
        said.push(`${now / 1000} ${seen.key} ${seen.signature}`);
        return turn(seen);
      },
      now: () => now,
      async pause(milliseconds) {
        now += milliseconds;
        if (now >= seconds * 1000) stop.abort();
      },
      unreadable: () => said.push(`${now / 1000} unreadable`),
      unsettled: ({ key }) => said.push(`${now / 1000} ${key} unsettled`),
    },
    { settleMs: 2_000, pollMs: 1_000, maxRuns: 2, once: false, signal: stop.signal, ...options },
  );
  return said;
}

test('an upload has its turn once it has kept still, and one turn only', async () => {
  expect(await watched({ 0: [upload('a')] })).toEqual(['2 a one']);
});

test('one that grows waits from its last change on', async () => {
  const script = { 0: [upload('a', '10 bytes')], 1: [upload('a', '20 bytes')], 2: [upload('a', '30 bytes')] };
  expect(await watched(script)).toEqual(['4 a 30 bytes']);
});

test('one that changes after its turn has another; one that comes and goes has none', async () => {
  const script = { 0: [upload('a')], 5: [upload('a', 'two')], 6: [upload('a', 'two'), upload('b')], 7: [upload('a', 'two')] };
  expect(await watched(script)).toEqual(['2 a one', '7 a two']);
});

test('one that changed while it was read keeps still again before the next try', async () => {
  let isFirst = true;
  const turn = async (): Promise<Turn> => {
    const result: Turn = { kind: isFirst ? 'changed' : 'done' };
    isFirst = false;
    return result;
  };
  expect(await watched({ 0: [upload('a')] }, { turn })).toEqual(['2 a one', '5 a one']);
});

test('one that cannot be used is not tried again until it or its settings change', async () => {
  const turn = async (): Promise<Turn> => ({ kind: 'refused' });
  expect(await watched({ 0: [upload('a')], 9: [upload('a', 'one', 'mended')] }, { turn })).toEqual(['2 a one', '11 a one']);
  expect(await watched({ 0: [upload('a')], 9: [upload('a', 'one', 'other')] })).toEqual(['2 a one']);
});

test('one that is halted is tried again at the time that was said, not before', async () => {
  const times = [12_000, 17_000, 99_000];
  const turn = async (): Promise<Turn> => ({ kind: 'later', at: times.shift()! });
  expect(await watched({ 0: [upload('a')] }, { turn })).toEqual(['2 a one', '12 a one', '17 a one']);
});

test('at most so many at once; the next begins when one has ended', async () => {
  const open: (() => void)[] = [];
  let most = 0;
  let active = 0;
  const turn = async (): Promise<Turn> => {
    active++;
    most = Math.max(most, active);
    await new Promise<void>((resolve) => {
      open.push(resolve);
      if (open.length > 1) open.shift()!();
    });
    active--;
    return { kind: 'done' };
  };
  const all = ['a', 'b', 'c', 'd', 'e'].map((key) => upload(key));
  const watching = watched({ 0: all }, { turn, seconds: 12 }).finally(() => {});
  // The last one is let go when nobody comes after it.
  setImmediate(function letGo() {
    if (open.length > 0 && active <= 1) open.shift()!();
    else setImmediate(letGo);
  });
  expect(await watching).toHaveLength(5);
  expect(most).toBe(2);
});

test('a folder that cannot be read for a while is told once, and nothing counts as gone', async () => {
  const script = { 0: [upload('a')], 5: new Error('EIO'), 9: [upload('a')] };
  expect(await watched(script)).toEqual(['2 a one', '5 unreadable']);
});

test('once: what was there at the beginning, then the end; what does not keep still is left', async () => {
  const script = {
    0: [upload('a'), upload('b', '1')],
    1: [upload('a'), upload('b', '2'), upload('c')],
    2: [upload('a'), upload('b', '3'), upload('c')],
  };
  expect(await watched(script, { once: true })).toEqual(['1 b unsettled', '2 a one']);
  expect(await watched({ 0: [] }, { once: true })).toEqual([]);
  const later = async (): Promise<Turn> => ({ kind: 'later', at: 5_000 });
  expect(await watched({ 0: [upload('a')] }, { once: true, turn: later })).toEqual(['2 a one']);
});

test('turns that end soon do not make it look at the whole folder each time', async () => {
  const uploads = Array.from({ length: 100 }, (_, index) => upload(`${index}`));
  const stop = new AbortController();
  let [now, looks, turns] = [0, 0, 0];
  await watch(
    {
      scan: async () => {
        looks++;
        return uploads;
      },
      turn: async () => {
        if (++turns === uploads.length) stop.abort();
        return { kind: 'done' };
      },
      now: () => now,
      async pause(milliseconds, signal) {
        await Promise.resolve();
        if (!signal.aborted) now += milliseconds;
      },
      unreadable() {},
      unsettled() {},
    },
    { settleMs: 2_000, pollMs: 1_000, maxRuns: 1, once: false, signal: stop.signal },
  );
  expect({ looks, turns }).toEqual({ looks: 3, turns: 100 });
});
