import { gzipSync, zstdCompressSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';

/** A table of strings, written in every format. */
export type Table = { key: string; text: string; note: string }[];

const columns = ['key', 'text', 'note'] as const;
const quoted = (text: string, isBackslashed: boolean) => `"${isBackslashed ? text.replace(/["\\]/g, '\\$&') : text.replaceAll('"', '""')}"`;

/** Fields are quoted where that is needed, and where it is not as `always` says. */
export const csvText = (rows: Table, { lineEnd = '\n', always = false, delimiter = ',', isBackslashed = false } = {}): string =>
  [[...columns], ...rows.map(({ key, text, note }) => [key, text, note])]
    .map(
      (fields) =>
        fields.map((field) => (always || /[",;|\t\r\n]/.test(field) ? quoted(field, isBackslashed) : field)).join(delimiter) + lineEnd,
    )
    .join('');

export const jsonlText = (rows: Table, lineEnd = '\n'): string => rows.map((row) => JSON.stringify(row) + lineEnd).join('');

export const jsonText = (rows: Table, { indent = 0, property = '' } = {}): string =>
  JSON.stringify(property === '' ? rows : { status: 'ok', [property]: rows, next: [{ key: 'x' }] }, null, indent);

export const parquetBytes = (rows: Table, { rowGroupSize = 7, pageSize = 64 } = {}): Buffer =>
  Buffer.from(
    parquetWriteBuffer({
      ...{ rowGroupSize, pageSize },
      columnData: columns.map((name) => ({ name, data: rows.map((row) => row[name]), type: 'STRING' })),
    }),
  );

export const utf16Bytes = (text: string, isBigEndian = false): Buffer => {
  const bytes = Buffer.from(`\ufeff${text}`, 'utf16le');
  return isBigEndian ? bytes.swap16() : bytes;
};

/** Two members of gzip, or two frames of zstd. */
export const packed = (bytes: Uint8Array, how: 'gzip' | 'zstd'): Buffer => {
  const pack = how === 'gzip' ? gzipSync : zstdCompressSync;
  const middle = bytes.length >> 1;
  return Buffer.concat([pack(bytes.subarray(0, middle)), pack(bytes.subarray(middle))]);
};
