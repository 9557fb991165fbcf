import type { SeenUpload } from './seen-uploads.ts';

/** What became of an upload whose turn came. */
export type Turn =
  /** It is dealt with until it changes. */
  | { kind: 'done' }
  /** It cannot be used until it or the settings of its dataset change. */
  | { kind: 'refused' }
  /** It is worth another look at that time, by the watcher's clock. */
  | { kind: 'later'; at: number }
  /** It changed while it was read: it has to keep still again. */
  | { kind: 'changed' };

export interface WatchPorts {
  /** The uploads that are there now. */
  scan(): Promise<SeenUpload[]>;
  /** Gives an upload its turn. */
  turn(upload: SeenUpload): Promise<Turn>;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Settles after the milliseconds, or when the signal is aborted. */
  pause(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** The folder cannot be read: told once until it can be again. */
  unreadable(error: unknown): void;
  /** With `once`: this upload did not keep still and is left to the next time. */
  unsettled(upload: SeenUpload): void;
}

export interface WatchOptions {
  /** How long an upload must have stayed the same, by our own clock: those of file servers may go wrong. */
  settleMs: number;
  pollMs: number;
  /** Uploads at work at once. */
  maxRuns: number;
  /** Ends when what was there at the beginning has had its turn. */
  once: boolean;
  /** Its abort gives no upload another turn. */
  signal: AbortSignal;
}

type Entry = { upload: SeenUpload; state: { kind: 'settling'; since: number } | { kind: 'running' } | Exclude<Turn, { kind: 'changed' }> };

/** Gives every upload its turn once it has kept still, several at once, each again only when it has changed. Settles when the last turn has ended. */
export async function watch(ports: WatchPorts, { settleMs, pollMs, maxRuns, once, signal }: WatchOptions): Promise<void> {
  const entries = new Map<string, Entry>();
  const active = new Set<Promise<void>>();
  let wanted: Set<string> | undefined;
  let isReadable = true;
  let turnEnded = new AbortController();
  let lookedAt = Number.NEGATIVE_INFINITY;

  const giveTurn = (entry: Entry) => {
    entry.state = { kind: 'running' };
    const turn = ports.turn(entry.upload).then((result) => {
      entry.state = result.kind === 'changed' ? { kind: 'settling', since: ports.now() } : result;
      active.delete(turn);
      turnEnded.abort();
    });
    active.add(turn);
  };

  const look = async () => {
    let uploads: SeenUpload[];
    try {
      uploads = await ports.scan();
      isReadable = true;
    } catch (error) {
      if (isReadable) ports.unreadable(error);
      isReadable = false;
      return;
    }
    const isFirst = wanted === undefined;
    wanted ??= new Set(uploads.map(({ key }) => key));
    const present = new Set(uploads.map(({ key }) => key));
    for (const [key, { state }] of entries) if (!present.has(key) && state.kind !== 'running') entries.delete(key);
    for (const upload of uploads) {
      const known = entries.get(upload.key);
      if (!known) entries.set(upload.key, { upload, state: { kind: 'settling', since: ports.now() } });
      else if (known.state.kind !== 'running' && isChanged(known, upload)) {
        known.upload = upload;
        known.state = { kind: 'settling', since: ports.now() };
        if (once && !isFirst && wanted.delete(upload.key)) ports.unsettled(upload);
      }
    }
  };

  const isReady = ({ upload, state }: Entry) => {
    if (once && !wanted?.has(upload.key)) return false;
    if (state.kind === 'settling') return ports.now() - state.since >= settleMs;
    return state.kind === 'later' && !once && ports.now() >= state.at;
  };

  while (!signal.aborted) {
    // Not at each end of a turn: a thousand short ones would look at a thousand files each.
    if (ports.now() - lookedAt >= pollMs) {
      await look();
      lookedAt = ports.now();
    }
    for (const entry of entries.values()) if (!signal.aborted && active.size < maxRuns && isReady(entry)) giveTurn(entry);
    const isWaitedFor = ({ upload, state }: Entry) => state.kind === 'settling' && wanted?.has(upload.key);
    if (once && active.size === 0 && ![...entries.values()].some(isWaitedFor)) break;
    turnEnded = new AbortController();
    await ports.pause(Math.max(0, lookedAt + pollMs - ports.now()), AbortSignal.any([signal, turnEnded.signal]));
  }
  await Promise.all(active);
}

function isChanged({ upload, state }: Entry, seen: SeenUpload): boolean {
  if (seen.signature !== upload.signature || seen.kind !== upload.kind) return true;
  return state.kind === 'refused' && seen.settingsSignature !== upload.settingsSignature;
}
