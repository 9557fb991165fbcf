import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readRleBitPackedHybrid } from 'hyparquet/src/encoding.js';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { snappyCompress } from 'hyparquet-writer/src/snappy.js';
import { ChunkReader } from '../../../functions/plan-batches/records/chunk-reader.ts';
import { HybridRuns } from '../../../functions/plan-batches/records/hybrid-runs.ts';
import { snappyChunks } from '../../../functions/plan-batches/records/snappy-chunks.ts';
import { openBytes, rowsOf } from './upload-source.ts';

async function* inChunks(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

async function joined(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

describe('Snappy in pieces', () => {
  const text = (rows: number) => Buffer.from(Array.from({ length: rows }, (_, row) => `row ${row * 7_919} of many, `).join(''));

  test('gives what was packed, wherever the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat({ max: 60 }),
        fc.integer({ min: 1, max: 40 }),
        async (noise, rows, size) => {
          const bytes = Buffer.concat([text(rows), noise, text(rows)]);
          expect(await joined(snappyChunks(inChunks(snappyCompress(bytes), size)))).toEqual(bytes);
        },
      ),
    );
  });

  test('goes on over many pieces', async () => {
    const bytes = text(60_000);
    const noise = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => Math.imul(index ^ (index >>> 7), 0x9e3779b1) >>> 24));
    for (const content of [bytes, noise, Buffer.alloc(1_500_000, 'ab')]) {
      expect((await joined(snappyChunks(inChunks(snappyCompress(content), 70_001)))).equals(content)).toBe(true);
    }
  });

  test.each([
    ['a copy from before the start', [4, 0b101, 9]],
    ['a copy of nothing', [8, 0b0000_0100, 65, 66, 0b001, 0]],
    ['a literal that breaks off', [200, 1, 60 << 2, 199, 65]],
    ['a tag without its offset', [8, 0b0000_0100, 65, 66, 0b10, 1]],
    ['no length', []],
  ])('refuses %s', async (_, bytes) => {
    await expect(joined(snappyChunks(inChunks(Uint8Array.from(bytes), 3)))).rejects.toThrow(RangeError);
  });
});

test('numbers of runs and bit packing are those that hyparquet reads', () => {
  const run = (width: number) =>
    fc.oneof(
      fc.tuple(fc.integer({ min: 1, max: 300 }), fc.nat({ max: 2 ** width - 1 })).map(([count, value]) => {
        const header = count << 1;
        const varint = header < 128 ? [header] : [(header & 127) | 128, header >>> 7];
        return {
          values: count,
          bytes: [...varint, ...[0, 8, 16].filter((shift) => shift < width).map((shift) => (value >>> shift) & 255)],
        };
      }),
      fc
        .integer({ min: 1, max: 5 })
        .chain((groups) => fc.uint8Array({ minLength: groups * width, maxLength: groups * width }))
        .map((packed) => ({ values: (packed.length / width) * 8, bytes: [(packed.length / width) * 2 + 1, ...packed] })),
    );
  const encoded = fc
    .integer({ min: 1, max: 20 })
    .chain((width) => fc.record({ width: fc.constant(width), runs: fc.array(run(width), { minLength: 1, maxLength: 8 }) }));
  fc.assert(
    fc.property(encoded, fc.nat({ max: 7 }), ({ width, runs }, padding) => {
      const bytes = Buffer.from(runs.flatMap((one) => one.bytes));
      const held = runs.reduce((sum, { values }) => sum + values, 0);
      const expected = new Array(Math.max(1, held - padding)).fill(0);
      readRleBitPackedHybrid(
        { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0 },
        width,
        expected,
        bytes.length,
      );
      const numbers = new HybridRuns(new ChunkReader(null, bytes), width);
      expect(expected.map(() => numbers.next())).toEqual(expected);
    }),
  );
});

describe('pages far larger than what is unpacked at once', () => {
  const ROWS = 30_000;
  const texts = Array.from({ length: ROWS }, (_, row) => (row % 10 === 3 ? null : `${'so good, '.repeat(row % 17)}é row ${row * 7_919}`));
  const expected = texts.map((text, row) =>
    text === null
      ? { reason: 'empty_text' }
      : {
          ...{ reason: null, id: String(row * 3), text },
          attributes: JSON.stringify({ shop: row % 7 === 0 ? null : `shop ${row % 300}`, score: row / 2 }),
        },
  );
  const compressors = {
    GZIP: gzipSync,
    ZSTD: zstdCompressSync,
    BROTLI: (bytes: Uint8Array) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } }),
  };
  const codecs = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'ZSTD', 'BROTLI'] as const;

  async function readsAll(bytes: Buffer): Promise<void> {
    const upload = await openBytes('large.parquet', bytes, { textColumn: 'review', idColumn: 'id' });
    const rows = await rowsOf(upload);
    expect(rows).toHaveLength(ROWS);
    const values = rows.map((row) =>
      row.reason === null ? { reason: null, id: row.id, text: row.text, attributes: row.attributes } : { reason: row.reason },
    );
    // By the first that differs: a comparison of so many objects takes longer than all the reading, and fills a screen when it fails.
    const different = values.findIndex((value, row) => JSON.stringify(value) !== JSON.stringify(expected[row]));
    expect(values[different]).toEqual(expected[different]);
    expect(different).toBe(-1);
    const later = await rowsOf(upload, rows[20_123]?.next);
    expect(JSON.stringify(later)).toBe(JSON.stringify(rows.slice(20_124)));
  }

  const written = (codec: (typeof codecs)[number]) =>
    Buffer.from(
      parquetWriteBuffer({
        ...{ codec, compressors, rowGroupSize: ROWS, pageSize: Number.MAX_SAFE_INTEGER },
        columnData: [
          { name: 'id', data: texts.map((_, row) => BigInt(row * 3)), type: 'INT64' },
          { name: 'review', data: texts, type: 'STRING' },
          { name: 'shop', data: texts.map((_, row) => (row % 7 === 0 ? null : `shop ${row % 300}`)), type: 'STRING' },
          { name: 'score', data: texts.map((_, row) => row / 2), type: 'DOUBLE' },
        ],
      }),
    );

  test.each(codecs)('of the second version, %s', async (codec) => readsAll(written(codec)));

  // DuckDB's Brotli takes its time.
  test.each(codecs.filter((codec) => codec !== 'BROTLI'))('of the first version, %s', async (codec) => {
    const folder = mkdtempSync(join(tmpdir(), 'hundredfold-pages-'));
    try {
      const instance = await DuckDBInstance.create();
      const connection = await instance.connect();
      await connection.run(
        `COPY (SELECT row * 3 AS id, CASE WHEN row % 10 = 3 THEN NULL ELSE repeat('so good, ', row % 17) || 'é row ' || row * 7919 END AS review,
           CASE WHEN row % 7 = 0 THEN NULL ELSE 'shop ' || row % 300 END AS shop, row::DOUBLE / 2 AS score
         FROM (SELECT range::BIGINT AS row FROM range(${ROWS})) ORDER BY row)
         TO '${folder}/large.parquet' (FORMAT parquet, ROW_GROUP_SIZE ${ROWS}, COMPRESSION ${codec.toLowerCase()})`,
      );
      connection.closeSync();
      await readsAll(readFileSync(join(folder, 'large.parquet')));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test.each(codecs)('are refused where they are damaged, %s', async (codec) => {
    const bytes = written(codec);
    const start = bytes.length >> 2;
    bytes.fill(0xff, start, start + 2_000);
    const reading = openBytes('large.parquet', bytes, { textColumn: 'review', idColumn: 'id' }).then((upload) => rowsOf(upload));
    if (codec === 'UNCOMPRESSED') {
      // Lengths that lead beyond the page are seen, changed letters are not.
      await reading.catch((error) => expect(error).toMatchObject({ name: 'InvalidUploadError', code: 'damaged_parquet' }));
    } else {
      await expect(reading).rejects.toMatchObject({ name: 'InvalidUploadError', code: 'damaged_parquet' });
    }
  });
});
