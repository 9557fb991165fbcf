import type { RejectionReason } from '../../shared/contract.ts';
import { MAX_RECORD_BYTES, RAW_CHARACTERS } from '../../shared/limits.ts';
import type { Position } from '../upload.ts';
import { firstCharacters } from '../upload-text.ts';
import { ByteWindow, LOOKAHEAD_BYTES } from './byte-window.ts';
import type { UploadSource } from './record-format.ts';

export const LINE_FEED = 10;
export const CARRIAGE_RETURN = 13;
const SPACE = 32;
const TAB = 9;

/** How records lie in the bytes of a format whose records end with a line. */
export interface Framing {
  /** The byte that ends a line: line feed (a carriage return before it belongs to the line's end), or a lone carriage return. */
  readonly lineBreak: typeof LINE_FEED | typeof CARRIAGE_RETURN;
  /** A white space byte that has a meaning of its own and so makes no line blank. */
  readonly delimiter: number | null;
  /**
   * Index of the line break that ends the record, or `bytes.length` where the upload ends with the record, or why it has no end.
   * @param limit index at which the search is given up; `bytes.length` where the upload ends there.
   */
  endOf(bytes: Buffer, start: number, limit: number): number | RejectionReason;
}

/** The framing of a format of which every line is a record. */
export const lineFraming = (lineBreak: Framing['lineBreak']): Framing => ({
  lineBreak,
  delimiter: null,
  endOf(bytes, start, limit) {
    const found = bytes.indexOf(lineBreak, start);
    if (found !== -1 && found <= limit) return found;
    return limit === bytes.length ? limit : 'record_too_long';
  },
});

/** One record's bytes `[start, end)` of a block, without its line end. */
export interface Frame {
  start: number;
  end: number;
  position: Position;
  /** After the record's line end; blank lines may follow before the next record. */
  next: Position;
  /** The record's end was not found. */
  rejection: { reason: RejectionReason; raw: string } | null;
}

/** Records that follow each other. `bytes` hold until the next block is asked for. */
export interface FrameBlock {
  bytes: Buffer;
  frames: Frame[];
}

/** Bytes after which a block is handed on. */
const BLOCK_BYTES = 64 * 1024;
const MAX_UTF8_BYTES = 4;

/** A record as written, at most RAW_CHARACTERS; bytes that are not UTF-8 show as U+FFFD. */
export const rawText = (bytes: Buffer, start: number, end: number): string =>
  firstCharacters(bytes.toString('utf8', start, Math.min(end, start + (RAW_CHARACTERS + 1) * MAX_UTF8_BYTES)), RAW_CHARACTERS);

/** How often a byte stands in `[start, end)`. */
export function countBytes(bytes: Buffer, byte: number, start: number, end: number): number {
  let count = 0;
  for (let at = bytes.indexOf(byte, start); at !== -1 && at < end; at = bytes.indexOf(byte, at + 1)) count += 1;
  return count;
}

/** The index before the carriage returns at `end` that belong to the line's end: one, or two where a program turned CRLF into CRCRLF. */
function endWithoutReturn(bytes: Buffer, end: number, lineBreak: number): number {
  if (lineBreak !== LINE_FEED || bytes[end - 1] !== CARRIAGE_RETURN) return end;
  return bytes[end - 2] === CARRIAGE_RETURN ? end - 2 : end - 1;
}

/** Index after the line that starts at `start` if it is blank, else `start`. */
function afterBlankLine(bytes: Buffer, start: number, limit: number, { lineBreak, delimiter }: Framing): number {
  for (let at = start; at <= limit; at += 1) {
    if (at === bytes.length) return at;
    const byte = bytes[at];
    if (byte === lineBreak) return at + 1;
    if ((byte !== SPACE && byte !== TAB && byte !== CARRIAGE_RETURN) || byte === delimiter) return start;
  }
  return start;
}

interface Stretch {
  bytes: Buffer;
  /** Offset of the first byte in the upload. */
  startByte: number;
  isLast: boolean;
}

interface FramedStretch extends FrameBlock {
  /** Where the next stretch has to start. */
  position: Position;
  /** The last frame's line goes on beyond the stretch: its `next` is still unknown, this is from where to look for the line's end. */
  searchByte: number | null;
}

/** The records whose end can be told from this stretch alone, BLOCK_BYTES or a little more of them. */
export function frameStretch({ bytes, startByte, isLast }: Stretch, from: Position, framing: Framing): FramedStretch {
  const { lineBreak } = framing;
  const frames: Frame[] = [];
  const first = from.byte - startByte;
  const lastStart = isLast ? bytes.length - 1 : bytes.length - LOOKAHEAD_BYTES;
  let { line, rowNumber } = from;
  let start = first;
  const here = (): Position => ({ byte: startByte + start, line, rowNumber });
  let position = here();
  while (start <= lastStart && start - first < BLOCK_BYTES) {
    const limit = Math.min(start + MAX_RECORD_BYTES, bytes.length);
    const afterBlank = afterBlankLine(bytes, start, limit, framing);
    if (afterBlank !== start) {
      start = afterBlank;
      line += 1;
      position = here();
      continue;
    }
    const ending = framing.endOf(bytes, start, limit);
    rowNumber += 1;
    if (typeof ending === 'number') {
      const end = endWithoutReturn(bytes, ending, lineBreak);
      const recordStart = start;
      line += countBytes(bytes, lineBreak, start, ending) + 1;
      start = Math.min(ending + 1, bytes.length);
      const next = here();
      frames.push({ start: recordStart, end, position, next, rejection: null });
      position = next;
      continue;
    }
    // An opened quote may have swallowed good records: only the record's first line is given up. An overlong record ends with the line it is in.
    const searchFrom = ending === 'unclosed_quote' ? start : limit;
    const found = bytes.indexOf(lineBreak, searchFrom);
    const end = ending === 'unclosed_quote' && found !== -1 ? endWithoutReturn(bytes, Math.min(found, limit), lineBreak) : limit;
    const rejection = { reason: ending, raw: rawText(bytes, start, end) };
    line += countBytes(bytes, lineBreak, start, searchFrom) + 1;
    const recordStart = start;
    start = found === -1 ? bytes.length : found + 1;
    const next = here();
    frames.push({ start: recordStart, end, position, next, rejection });
    position = next;
    if (found === -1 && !isLast) return { bytes, frames, position, searchByte: startByte + bytes.length };
  }
  return { bytes, frames, position, searchByte: null };
}

/** The records of an upload from a position on. The same bytes give the same frames, wherever reading starts and however the stream is cut. */
export async function* frameBlocks(source: UploadSource, from: Position, framing: Framing): AsyncGenerator<FrameBlock> {
  if (from.byte >= source.bytes) return;
  const window = new ByteWindow(source.open(from.byte), from.byte);
  try {
    let position = from;
    do {
      await window.moveTo(position.byte);
      const stretch = frameStretch(window, position, framing);
      position = stretch.position;
      if (stretch.searchByte !== null) {
        const endless = stretch.frames.pop() as Frame;
        if (stretch.frames.length > 0) yield stretch;
        position = { ...position, byte: await window.byteAfter(framing.lineBreak, stretch.searchByte) };
        yield { bytes: window.bytes, frames: [{ ...endless, start: 0, end: 0, next: position }] };
      } else if (stretch.frames.length > 0) {
        yield stretch;
      }
    } while (!window.isLast || position.byte < window.endByte);
  } finally {
    await window.close();
  }
}
