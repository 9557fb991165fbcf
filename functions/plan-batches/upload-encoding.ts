import { isUtf8 } from 'node:buffer';
import { ENCODING_BYTES } from '../shared/limits.ts';
import type { Upload } from './upload.ts';

export type Encoding = Upload['encoding'];

/** What Windows-1252 has where Latin-1 has control characters, 0x80 to 0x9f. Source: the WHATWG Encoding Standard, index windows-1252. */
const windows1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';
const FIRST_OF_WINDOWS_1252 = 0x80;
const halfPair = /\p{Surrogate}/u;
/** Occurs nowhere in UTF-8: a record that holds it is rejected as undecodable. */
const UNDECODABLE = Buffer.from([0xff]);

/** Number of bytes of the UTF-8 character that starts at an index, 0 where none does, null where the bytes end within it. */
function characterBytes(bytes: Buffer, at: number): number | null {
  const first = bytes[at] as number;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length > 1 && at + length > bytes.length) return null;
  return length > 0 && isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}

/** Whether bytes are UTF-8, but for a few that may be broken: they lie in fewer places than there are whole characters beyond ASCII, or as many. */
function isMostlyUtf8(bytes: Buffer, isWhole: boolean): boolean {
  if (isUtf8(bytes)) return true;
  let characters = 0;
  let broken = 0;
  let isBroken = false;
  for (let at = 0; at < bytes.length; ) {
    const complete = characterBytes(bytes, at);
    if (complete === null && !isWhole) break;
    const length = complete ?? 0;
    if (length === 0 && !isBroken) broken += 1;
    if (length > 1) characters += 1;
    isBroken = length === 0;
    at += length || 1;
  }
  return broken === 0 || broken <= characters;
}

/**
 * How text is encoded: as its byte order mark says, else UTF-8, and Windows-1252 where its first ENCODING_BYTES cannot be that.
 * @param isWhole whether the bytes are all there are, and not cut within a character.
 */
export function encodingOf(bytes: Buffer, isWhole: boolean): Encoding {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return isMostlyUtf8(bytes.subarray(0, ENCODING_BYTES), isWhole && bytes.length <= ENCODING_BYTES) ? 'utf-8' : 'windows-1252';
}

function fromWindows1252(chunk: Uint8Array): Buffer {
  const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1');
  return Buffer.from(text.replace(/[\u0080-\u009f]/g, (letter) => windows1252.charAt(letter.charCodeAt(0) - FIRST_OF_WINDOWS_1252)));
}

/** UTF-8 of a text; a byte that UTF-8 does not have stands for each half of a surrogate pair. */
function utf8Of(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text);
  const pieces = text.split(halfPair).flatMap((piece, index) => (index === 0 ? [Buffer.from(piece)] : [UNDECODABLE, Buffer.from(piece)]));
  return Buffer.concat(pieces);
}

async function* fromUtf16(chunks: AsyncIterable<Uint8Array>, isBigEndian: boolean): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0);
  let isStart = true;
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([rest, chunk]);
    let length = bytes.length - (bytes.length % 2);
    if (length === 0) {
      rest = bytes;
      continue;
    }
    const last = isBigEndian ? bytes.readUInt16BE(length - 2) : bytes.readUInt16LE(length - 2);
    // The first half of a pair waits for the second.
    if (last >= 0xd800 && last < 0xdc00) length -= 2;
    // A copy: swapping changes the bytes that wait, if they lie in the same memory.
    rest = Buffer.from(bytes.subarray(length));
    const units = bytes.subarray(0, length);
    const text = (isBigEndian ? units.swap16() : units).toString('utf16le');
    if (text === '') continue;
    yield utf8Of(isStart && text.startsWith('\ufeff') ? text.slice(1) : text);
    isStart = false;
  }
  if (rest.length > 0) yield UNDECODABLE;
}

/** The same text as UTF-8, without a byte order mark where it was UTF-16. */
export async function* toUtf8(encoding: Encoding, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (encoding === 'utf-8') yield* chunks;
  else if (encoding === 'windows-1252') for await (const chunk of chunks) yield fromWindows1252(chunk);
  else yield* fromUtf16(chunks, encoding === 'utf-16be');
}
