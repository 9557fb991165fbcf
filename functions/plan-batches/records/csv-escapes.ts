import type { UploadHead } from '../upload-head.ts';

/** A quote within quotes is written twice (RFC 4180), or with a backslash before it (Spark, MySQL and pandas where it is told so). */

export const BACKSLASH = 92;
const QUOTE = 34;
const lineEnds = [10, 13];

/** Whether a byte takes its meaning from the backslash before it. */
export const isEscapable = (byte: number | undefined) => byte === QUOTE || byte === BACKSLASH;

/**
 * Whether quotes within quotes have backslashes before them: more of them have, with more of the field behind them, than there are that are
 * written twice or that could not stand where they do. A backslash that ends a field (`"C:\temp\"`) says nothing.
 */
export function hasBackslashes({ bytes, start, lineBreak }: UploadHead, delimiterByte: number): boolean {
  if (!bytes.includes('\\"')) return false;
  const isFieldEnd = (at: number) => at >= bytes.length || bytes[at] === delimiterByte || lineEnds.includes(bytes[at] as number);
  let votes = 0;
  let isFieldStart = true;
  for (let at = start.byte; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte !== QUOTE || !isFieldStart) {
      isFieldStart = byte === delimiterByte || lineEnds.includes(byte);
      continue;
    }
    isFieldStart = false;
    if (bytes[at + 1] === QUOTE && isFieldEnd(at + 2)) {
      at += 1;
      continue;
    }
    for (at += 1; at < bytes.length && bytes[at] !== QUOTE; at += 1) {
      if (bytes[at] !== BACKSLASH || !isEscapable(bytes[at + 1])) continue;
      at += 1;
      if (bytes[at] === QUOTE && bytes[at + 1] !== QUOTE && !isFieldEnd(at + 1)) votes += 1;
    }
    if (isFieldEnd(at + 1)) continue;
    votes -= 1;
    // What follows cannot be told apart: on with the next line.
    const next = bytes.indexOf(lineBreak, at);
    at = next === -1 ? bytes.length : next;
    isFieldStart = true;
  }
  return votes > 0;
}

/**
 * Writes a record to `target` with its quotes doubled instead, as csv-parse reads them; never longer than it was.
 * @returns the bytes written.
 */
export function withDoubledQuotes(record: Buffer, delimiterByte: number, target: Buffer, targetStart: number): number {
  let to = targetStart;
  let isQuoted = false;
  let isFieldStart = true;
  for (let at = 0; at < record.length; at += 1) {
    const byte = record[at] as number;
    if (isQuoted && byte === BACKSLASH && isEscapable(record[at + 1])) {
      at += 1;
      if (record[at] === QUOTE) target[to++] = QUOTE;
      target[to++] = record[at] as number;
      continue;
    }
    if (byte === QUOTE && isQuoted && record[at + 1] === QUOTE) {
      at += 1;
      target[to++] = QUOTE;
    } else if (byte === QUOTE && (isQuoted || isFieldStart)) {
      isQuoted = !isQuoted;
    }
    target[to++] = byte;
    isFieldStart = byte === delimiterByte;
  }
  return to - targetStart;
}
