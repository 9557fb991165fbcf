import type { RejectionReason } from '../../shared/contract.ts';
import { MAX_RECORD_BYTES } from '../../shared/limits.ts';
import type { Position } from '../upload.ts';
import { ByteWindow, LOOKAHEAD_BYTES } from './byte-window.ts';
import { isJsonSpace, JsonScanner } from './json-scanner.ts';
import type { UploadSource } from './record-format.ts';
import { countBytes, type Frame, type FrameBlock, LINE_FEED, rawText } from './record-frames.ts';

/**
 * The elements of a JSON array, and objects that follow each other, as frames. Commas between them may be missing or too many, and arrays
 * may follow each other. A broken element is given up by itself where the next one can be found: at its closing bracket as long as brackets
 * and quotes fit together, else where a comma is followed by the same first bytes with which the broken one began, `{ "id"`.
 */

const COMMA = 44;
const CLOSE_ARRAY = 93;
const OPEN_ARRAY = 91;
const CLOSE_OBJECT = 125;
const BLOCK_BYTES = 256 * 1024;
/** White space that may stand between a comma and the element behind it where the end of a broken one is searched. */
const MAX_GAP_BYTES = 1_024;
const firstKey = /^\{\s*"(?:[^"\\\n]|\\.){0,200}"/;

const isSeparator = (byte: number | undefined) => byte === COMMA || isJsonSpace(byte);

function afterSeparators(bytes: Buffer, from: number, limit = bytes.length): number {
  let at = from;
  while (at < limit && isSeparator(bytes[at])) at += 1;
  return at;
}

function beforeSeparators(bytes: Buffer, end: number): number {
  let at = end;
  while (isSeparator(bytes[at - 1])) at -= 1;
  return at;
}

/** The bytes with which the elements begin: those of the broken one to the end of its first name. */
const beginningOf = (bytes: Buffer, start: number) =>
  Buffer.from(firstKey.exec(bytes.toString('latin1', start, start + MAX_GAP_BYTES))?.[0] ?? '{', 'latin1');

/** Index of the first element at or after `from` that begins like the broken one, behind a comma or another object; -1: none. */
function nextBeginning(bytes: Buffer, beginning: Buffer, from: number, limit: number): number {
  for (let at = bytes.indexOf(beginning, from); at !== -1 && at + beginning.length <= limit; at = bytes.indexOf(beginning, at + 1)) {
    let before = at - 1;
    while (before >= 0 && at - before <= MAX_GAP_BYTES && isJsonSpace(bytes[before])) before -= 1;
    if (bytes[before] === COMMA || bytes[before] === CLOSE_OBJECT) return at;
  }
  return -1;
}

/** An element whose end lies beyond the bytes at hand. */
interface OpenElement {
  frame: Frame;
  /** Where the search for its end goes on. */
  byte: number;
  scanner: JsonScanner;
  beginning: Buffer;
}

interface Stretch extends FrameBlock {
  /** Where the next stretch has to start. */
  position: Position;
  open: OpenElement | null;
  /** The array has ended, and nothing behind it counts. */
  isDone: boolean;
}

class Stretcher {
  readonly frames: Frame[] = [];
  readonly #bytes: Buffer;
  readonly #startByte: number;
  readonly #isLast: boolean;
  #at: number;
  #line: number;
  #rowNumber: number;
  /** Index of the next line feed, -1 for none: searched once, for a file of one line has it nowhere. */
  #nextBreak: number;

  constructor(window: { bytes: Buffer; startByte: number; isLast: boolean }, from: Position) {
    this.#bytes = window.bytes;
    this.#startByte = window.startByte;
    this.#isLast = window.isLast;
    this.#at = from.byte - window.startByte;
    this.#line = from.line;
    this.#rowNumber = from.rowNumber;
    this.#nextBreak = this.#bytes.indexOf(LINE_FEED, this.#at);
  }

  #here = (): Position => ({ byte: this.#startByte + this.#at, line: this.#line, rowNumber: this.#rowNumber });

  #moveTo(at: number): void {
    for (; this.#nextBreak !== -1 && this.#nextBreak < at; this.#nextBreak = this.#bytes.indexOf(LINE_FEED, this.#nextBreak + 1)) {
      this.#line += 1;
    }
    this.#at = at;
  }

  #add(end: number, next: number, rejection: RejectionReason | null): Frame {
    const position = this.#here();
    const start = this.#at;
    this.#rowNumber += 1;
    this.#moveTo(next);
    const raw = () => rawText(this.#bytes, start, end);
    const frame = { start, end, position, next: this.#here(), rejection: rejection && { reason: rejection, raw: raw() } };
    this.frames.push(frame);
    return frame;
  }

  /** What lies behind the end of an array. @returns whether reading is over. */
  #closeArray(hasMore: boolean): boolean {
    if (!hasMore) return true;
    const next = afterSeparators(this.#bytes, this.#at + 1, Math.min(this.#at + MAX_GAP_BYTES, this.#bytes.length));
    this.#moveTo(this.#bytes[next] === OPEN_ARRAY ? next + 1 : next);
    return false;
  }

  /** The next element. @returns it, if its end is not in these bytes. */
  #takeElement(): OpenElement | null {
    const bytes = this.#bytes;
    const start = this.#at;
    const limit = Math.min(start + MAX_RECORD_BYTES, bytes.length);
    const isToEnd = this.#isLast && limit === bytes.length;
    const scanner = new JsonScanner();
    const end = scanner.scan(bytes, start, limit);
    if (scanner.suspect === null) {
      if (end !== -1) this.#add(beforeSeparators(bytes, end), end, null);
      else if (isToEnd) this.#add(beforeSeparators(bytes, limit), limit, 'invalid_json');
      else return this.#leaveOpen('record_too_long', limit, scanner);
      return null;
    }
    const beginning = beginningOf(bytes, start);
    const searchFrom = start + Math.max(1, scanner.suspect);
    const next = nextBeginning(bytes, beginning, searchFrom, limit);
    if (end !== -1 && (next === -1 || next >= end)) this.#add(end, end, null);
    else if (next !== -1) this.#add(beforeSeparators(bytes, next), next, 'invalid_json');
    else if (isToEnd) this.#add(limit, limit, 'invalid_json');
    else return this.#leaveOpen('invalid_json', Math.max(searchFrom, limit - beginning.length + 1), scanner);
    return null;
  }

  #leaveOpen(reason: RejectionReason, searchFrom: number, scanner: JsonScanner): OpenElement {
    const beginning = beginningOf(this.#bytes, this.#at);
    const frame = this.#add(searchFrom, searchFrom, reason);
    return { frame, byte: this.#startByte + searchFrom, scanner, beginning };
  }

  take(isProperty: boolean): Stretch {
    const first = this.#at;
    const bytes = this.#bytes;
    const lastStart = this.#isLast ? bytes.length - 1 : bytes.length - LOOKAHEAD_BYTES;
    let open: OpenElement | null = null;
    let isDone = false;
    while (!open && !isDone && this.#at <= lastStart && this.#at - first < BLOCK_BYTES) {
      const start = afterSeparators(bytes, this.#at);
      if (start !== this.#at) this.#moveTo(start);
      else if (bytes[start] === CLOSE_ARRAY) isDone = this.#closeArray(!isProperty);
      else open = this.#takeElement();
    }
    return { bytes, frames: this.frames, position: this.#here(), open, isDone };
  }
}

/** Finds the end of an element in the bytes to come; those passed over are let go. @returns where the next one starts. */
async function endOfOpen(window: ByteWindow, { frame, byte, scanner, beginning }: OpenElement): Promise<Position> {
  const position = { ...frame.next, byte };
  const moveTo = (to: number) => {
    position.line += countBytes(window.bytes, LINE_FEED, position.byte - window.startByte, to - window.startByte);
    position.byte = to;
    return position;
  };
  for (;;) {
    await window.moveTo(position.byte - Math.min(MAX_GAP_BYTES, position.byte - window.startByte));
    const { bytes, startByte, endByte, isLast } = window;
    if (scanner.suspect === null) {
      const end = scanner.scan(bytes, position.byte - startByte, bytes.length);
      if (scanner.suspect === null) {
        if (end !== -1 || isLast) return moveTo(end === -1 ? endByte : startByte + end);
        moveTo(endByte);
        continue;
      }
      moveTo(frame.position.byte + scanner.detected);
    }
    const next = nextBeginning(bytes, beginning, position.byte - startByte, bytes.length);
    if (next !== -1 || isLast) return moveTo(next === -1 ? endByte : startByte + next);
    moveTo(Math.max(position.byte, endByte - beginning.length + 1));
  }
}

/** The elements of a JSON file from a position on. The same bytes give the same frames, wherever reading starts and however the stream is cut. */
export async function* elementBlocks(source: UploadSource, from: Position, isProperty: boolean): AsyncGenerator<FrameBlock> {
  if (from.byte >= source.bytes) return;
  const window = new ByteWindow(source.open(from.byte), from.byte);
  try {
    let position = from;
    let isDone = false;
    do {
      await window.moveTo(position.byte);
      const stretch = new Stretcher(window, position).take(isProperty);
      ({ position, isDone } = stretch);
      if (stretch.open) {
        stretch.frames.pop();
        if (stretch.frames.length > 0) yield stretch;
        position = await endOfOpen(window, stretch.open);
        yield { bytes: window.bytes, frames: [{ ...stretch.open.frame, start: 0, end: 0, next: position }] };
      } else if (stretch.frames.length > 0) {
        yield stretch;
      }
    } while (!isDone && !(window.isLast && position.byte >= window.endByte));
  } finally {
    await window.close();
  }
}
