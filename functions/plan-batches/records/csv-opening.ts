import { MAX_RECORD_BYTES } from '../../shared/limits.ts';
import type { UploadHead } from '../upload-head.ts';
import { CARRIAGE_RETURN, type Framing, LINE_FEED } from './record-frames.ts';

const QUOTE = 34;
const fieldStarts = [',', ';', '\t', '|', '\r', '\n'].map((mark) => mark.charCodeAt(0));

/** Index after a quoted field that opens at `at`, -1 where it does not close. */
function afterQuoted(bytes: Buffer, at: number): number {
  for (let end = bytes.indexOf(QUOTE, at + 1); end !== -1; end = bytes.indexOf(QUOTE, end + 2)) {
    if (bytes[end + 1] !== QUOTE) return end - at > MAX_RECORD_BYTES ? -1 : end + 1;
  }
  return -1;
}

/** The byte that ends the lines: a lone carriage return (as old Macs write it) where line feeds stand in quoted fields only. */
function lineBreakOf({ bytes, start, lineBreak, isWhole }: UploadHead): Framing['lineBreak'] {
  if (lineBreak === CARRIAGE_RETURN || !bytes.includes(CARRIAGE_RETURN)) return lineBreak;
  let hasReturns = false;
  let isFieldStart = true;
  for (let at = start.byte; at < bytes.length; ) {
    const byte = bytes[at] as number;
    if (byte === LINE_FEED) return LINE_FEED;
    if (byte === CARRIAGE_RETURN) hasReturns = true;
    if (byte === QUOTE && isFieldStart) {
      const end = afterQuoted(bytes, at);
      if (end === -1 && (isWhole || bytes.length - at > MAX_RECORD_BYTES)) return LINE_FEED;
      at = end === -1 ? bytes.length : end;
      isFieldStart = false;
    } else {
      isFieldStart = fieldStarts.includes(byte);
      at += 1;
    }
  }
  return hasReturns ? CARRIAGE_RETURN : LINE_FEED;
}

const separatorLine = /^"?sep=(.)\1*"?(?:\r\n|\r|\n|$)/i;

export interface CsvOpening {
  /** The head as CSV: its line break, and its start behind a `sep=` line. */
  head: UploadHead;
  /** The delimiter that the first line names for Excel: `sep=;`. */
  separator: string | null;
}

/** What CSV has before its first record. */
export function csvOpening(head: UploadHead): CsvOpening {
  const lineBreak = lineBreakOf(head);
  const { start, bytes } = head;
  const line = separatorLine.exec(bytes.toString('latin1', start.byte, start.byte + 64));
  if (!line) return { head: { ...head, lineBreak }, separator: null };
  const next = { byte: start.byte + line[0].length, line: start.line + 1, rowNumber: 0 };
  return { head: { ...head, lineBreak, start: next }, separator: line[1] as string };
}
