import { describe, expect, test } from '@jest/globals';
import { openUpload } from '../../../functions/plan-batches/open-upload.ts';
import type { UploadSource } from '../../../functions/plan-batches/records/record-format.ts';
import { InvalidUploadError } from '../../../functions/shared/errors.ts';
import { defaultSettings, type Settings } from '../../../functions/shared/settings.ts';
import { csvText, jsonlText, jsonText, packed, parquetBytes, type Table, utf16Bytes } from './table-writers.ts';
import { memorySource, rowsOf } from './upload-source.ts';

const FILES = 10_000;
/** Bytes that may be read for each byte of a file: head, sample and rows, each once, and ranges of Parquet more than once. */
const READS = 12;

/** A generator of numbers below `limit`, the same for the same seed (mulberry32, in the public domain). */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

const rows: Table = Array.from({ length: 40 }, (_, row) => ({
  key: `r${row}`,
  text: ['It is warm, soft and fits.', 'größer "als" gedacht\nund rot', '🦊🦊', '{"a": [1]}', 'plain'][row % 5] as string,
  note: row % 3 === 0 ? '' : `n;${row}`,
}));
const csv = csvText(rows);
const files: [name: string, content: Uint8Array | string][] = [
  ['table.csv', csv],
  ['table.tsv', csvText(rows, { delimiter: '\t', lineEnd: '\r\n' })],
  ['backslashes.csv', csvText(rows, { isBackslashed: true })],
  ['table.jsonl', jsonlText(rows)],
  ['table.json', jsonText(rows)],
  ['lines.json', jsonText(rows, { indent: 2 })],
  ['property.json', jsonText(rows, { indent: 1, property: 'rows' })],
  ['lines.txt', rows.map(({ text }) => text).join('\n')],
  ['table.parquet', parquetBytes(rows)],
  ['whole.parquet', parquetBytes(rows, { rowGroupSize: 1_000, pageSize: 1_000_000 })],
  ['table.csv.gz', packed(Buffer.from(csv), 'gzip')],
  ['table.json.zst', packed(Buffer.from(jsonText(rows)), 'zstd')],
  ['utf-16.csv', utf16Bytes(csv)],
  ['windows-1252.csv', Buffer.from(csv.replaceAll('🦊', 'ß'), 'latin1')],
];
const inserts = [
  '"',
  '\n',
  '\r',
  ',',
  ';',
  '\t',
  '{',
  '}',
  '[',
  ']',
  '\\',
  '\0',
  '\xff',
  '\xef\xbb\xbf',
  'PAR1',
  '\x1f\x8b\x08',
  '1e999',
  '\ud83d',
];

function mutated(content: Buffer, random: (limit: number) => number): Buffer {
  let bytes = Buffer.from(content);
  for (let count = 1 + random(4); count > 0; count -= 1) {
    const at = random(bytes.length + 1);
    const length = random(random(4) === 0 ? bytes.length + 1 : 9);
    const rest = bytes.subarray(Math.min(at + length, bytes.length));
    switch (random(6)) {
      case 0:
        bytes = Buffer.from(bytes.map((byte, index) => (index === at ? byte ^ (1 << random(8)) : byte)));
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), rest]);
        break;
      case 2:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(inserts[random(inserts.length)] as string, 'latin1'),
          bytes.subarray(at),
        ]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(Array.from({ length }, () => random(256))), rest]);
        break;
      default:
        bytes = random(3) === 0 ? bytes.subarray(0, at) : Buffer.concat([bytes.subarray(0, at), Buffer.alloc(length, 0xff), rest]);
    }
  }
  return bytes;
}

/** A source that counts what is read of it. */
function counted(source: UploadSource, bytes: Buffer): { source: UploadSource; bytesRead: () => number } {
  let read = 0;
  return {
    bytesRead: () => read,
    source: {
      ...source,
      async *open(start) {
        for await (const chunk of source.open(start)) {
          read += chunk.length;
          yield chunk;
        }
      },
      async read(start, end) {
        read += end - start;
        return bytes.subarray(start, end);
      },
    },
  };
}

describe(`${FILES.toLocaleString('en')} damaged files`, () => {
  test('are refused in words, or every record of them is a row or a rejection, in order and once', async () => {
    const random = randomFrom(20_261_123);
    const outcomes = new Map<string, number>();
    for (let file = 0; file < FILES; file += 1) {
      const [name, content] = files[file % files.length] as (typeof files)[number];
      const bytes = mutated(Buffer.from(content as string), random);
      const settings: Settings = { ...defaultSettings, textColumn: random(2) === 0 ? 'text' : null };
      const { source, bytesRead } = counted(memorySource(name, bytes, 1 + random(4_096)), bytes);
      let outcome = 'read';
      try {
        const upload = await openUpload(source, settings);
        const all = await rowsOf(upload);
        let before = upload.start;
        for (const [index, { rowNumber, line, next }] of all.entries()) {
          if (rowNumber !== index || next.rowNumber !== index + 1) throw new Error(`row ${index} is numbered ${rowNumber}`);
          if (next.byte <= before.byte || next.line < before.line || line < before.line)
            throw new Error(`row ${index} lies before its own start`);
          before = next;
        }
        const from = all[random(all.length)];
        if (from) expect(await rowsOf(upload, from.next)).toEqual(all.slice(from.rowNumber + 1));
      } catch (error) {
        if (!(error instanceof InvalidUploadError)) throw new Error(`File ${file}, a changed ${name}`, { cause: error });
        outcome = error.code ?? 'no code';
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (bytesRead() > READS * (bytes.length + 4_096)) throw new Error(`${bytesRead()} bytes were read of ${bytes.length}: file ${file}`);
    }
    // The damage must leave enough of both to mean anything.
    expect(outcomes.get('read')).toBeGreaterThan(FILES / 4);
    expect(outcomes.get('damaged_parquet')).toBeGreaterThan(FILES / 40);
    expect(outcomes.has('no code')).toBe(false);
  });
});
