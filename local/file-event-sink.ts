import { appendFile, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { EventSink } from '../functions/shared/ports.ts';
import type { RunEvent, RunEventDetail } from '../functions/shared/run-event.ts';

const LOCK_RETRY_MS = 5;
/** A lock is held for one read and one append; an older one was left by a process that has died. */
const STALE_LOCK_MS = 5_000;

const isCode = (error: unknown, code: string) => (error as NodeJS.ErrnoException).code === code;

/** A line of `events.jsonl`. */
export type LocalEvent = { type: RunEvent['type'] /** ISO 8601. */; time: string } & RunEventDetail;

export interface FileEventSinkOptions {
  now?: () => number;
  /** Called with each event that this sink has written. */
  onWritten?: ((event: LocalEvent) => void) | undefined;
}

/**
 * Appends each event to `<outFolder>/events.jsonl` as one line `{type, time, ...detail}`. An event whose `eventId` is in the file
 * is not written again, whichever process wrote it.
 */
export function fileEventSink(outFolder: string, { now = Date.now, onWritten }: FileEventSinkOptions = {}): EventSink {
  const file = eventsFile(outFolder);
  return {
    async publish({ type, detail }) {
      await mkdir(outFolder, { recursive: true });
      let event: LocalEvent | undefined;
      await whileLocked(file, async () => {
        const written = await textOf(file);
        if (eventIds(written).has(detail.eventId)) return;
        // A process killed in the middle of a line leaves it open; the next event must not be glued to it.
        const lineBreak = written === '' || written.endsWith('\n') ? '' : '\n';
        event = { type, time: new Date(now()).toISOString(), ...detail };
        await appendFile(file, `${lineBreak}${JSON.stringify(event)}\n`);
      });
      if (event) onWritten?.(event);
    },
  };
}

const eventsFile = (outFolder: string) => join(outFolder, 'events.jsonl');

const textOf = (file: string) =>
  readFile(file, 'utf8').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return '';
    throw error;
  });

async function whileLocked(file: string, action: () => Promise<void>): Promise<void> {
  const lock = `${file}.lock`;
  for (;;) {
    try {
      await (await open(lock, 'wx')).close();
      break;
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
      const held = await stat(lock).catch(() => undefined);
      if (held && Date.now() - held.mtimeMs > STALE_LOCK_MS) await rm(lock, { force: true });
      else await pause(LOCK_RETRY_MS);
    }
  }
  try {
    await action();
  } finally {
    await rm(lock, { force: true });
  }
}

/** @returns how many events of these runs `events.jsonl` has, each a line of so many bytes. */
export async function countEvents(outFolder: string, runIds: ReadonlySet<string>): Promise<{ objects: number; bytes: number }> {
  const lines = (await textOf(eventsFile(outFolder))).split('\n').filter((line) => isOfRun(line, runIds));
  return { objects: lines.length, bytes: lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0) };
}

/** Takes the events of these runs out of `events.jsonl`; torn lines stay as they are. */
export async function removeEvents(outFolder: string, runIds: ReadonlySet<string>): Promise<void> {
  const file = eventsFile(outFolder);
  if ((await countEvents(outFolder, runIds)).objects === 0) return;
  await whileLocked(file, async () => {
    const rest = (await textOf(file)).split('\n').filter((line) => !isOfRun(line, runIds));
    await writeFile(`${file}.new`, rest.join('\n'));
    await rename(`${file}.new`, file);
  });
}

function isOfRun(line: string, runIds: ReadonlySet<string>): boolean {
  try {
    return runIds.has(String((JSON.parse(line) as { runId?: unknown } | null)?.runId));
  } catch {
    return false;
  }
}

/** Ids of all whole lines. */
function eventIds(lines: string): Set<unknown> {
  const ids = new Set<unknown>();
  for (const line of lines.split('\n')) {
    try {
      ids.add((JSON.parse(line) as { eventId?: unknown } | null)?.eventId);
    } catch {
      // A torn line was never published.
    }
  }
  return ids;
}
