import type { Delimiter } from '../upload.ts';
import { BACKSLASH, isEscapable } from './csv-escapes.ts';
import { CARRIAGE_RETURN, type Framing, LINE_FEED } from './record-frames.ts';

const QUOTE = 34;

/**
 * Where the records of RFC 4180 start and end, read forgivingly:
 * - A quote opens a field only at its start; elsewhere it is text (`5'8" tall`).
 * - Text after a closing quote, on the line on which the field opened: the field was not quoted after all and is taken as written,
 *   quotes included. Across a line break the opening quote was never closed, and what lies between may be good records: the record
 *   that opened it is rejected as `unclosed_quote` and reading goes on with the line after its first one. The same at the end of the
 *   file and after MAX_RECORD_BYTES.
 * - Lines of nothing but spaces and tabs are no records.
 *
 * A quote within quotes is written twice, or with a backslash before it where `isBackslashed`.
 *
 * csv-parse tells no offsets inside its blocks and cannot go back over a quote that is never closed, hence this scan over the bytes; what
 * lies within a record is csv-parse's.
 */
export function csvFraming(delimiter: Delimiter, lineBreak: Framing['lineBreak'], isBackslashed = false): Framing {
  const delimiterByte = delimiter.charCodeAt(0);
  /** Whether a field may end before `at`. */
  const isFieldEnd = (bytes: Buffer, at: number): boolean => {
    const byte = bytes[at];
    if (byte === delimiterByte || byte === lineBreak || byte === undefined) return true;
    if (byte !== CARRIAGE_RETURN) return false;
    const next = bytes[at + 1] === CARRIAGE_RETURN ? bytes[at + 2] : bytes[at + 1];
    return next === LINE_FEED || next === undefined;
  };
  return {
    lineBreak,
    delimiter: delimiterByte,
    endOf(bytes, start, limit) {
      let isFieldStart = true;
      let at = start;
      while (at < limit) {
        const byte = bytes[at];
        if (byte === QUOTE && isFieldStart) {
          let hasLineBreak = false;
          for (at += 1; ; at += 1) {
            if (at >= limit) return 'unclosed_quote';
            const quoted = bytes[at];
            if (quoted === lineBreak) hasLineBreak = true;
            else if (quoted === QUOTE) {
              if (bytes[at + 1] !== QUOTE) break;
              at += 1;
            } else if (isBackslashed && quoted === BACKSLASH && isEscapable(bytes[at + 1])) at += 1;
          }
          if (hasLineBreak && !isFieldEnd(bytes, at + 1)) return 'unclosed_quote';
          isFieldStart = false;
        } else if (byte === lineBreak) {
          return at;
        } else {
          isFieldStart = byte === delimiterByte;
        }
        at += 1;
      }
      return at >= bytes.length || bytes[at] === lineBreak ? at : 'record_too_long';
    },
  };
}
