import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { fileWriter, parquetWriteRows } from 'hyparquet-writer';
import { runInDuckDb, sqlText } from '../duckdb.ts';
import { type Review, reviews } from '../reviews.ts';

const CHUNK_CHARACTERS = 1_000_000;
/** Rows in one page of the file whose pages are that large; its texts are cut, or a page would be larger than what is read. */
const PAGE_ROWS = 1_000_000;
const PAGED_TEXT_CHARACTERS = 100;

/** Writes lines as a file, a chunk at a time. */
export async function writeText(path: string, begin: string, lines: Iterable<string>, end = ''): Promise<void> {
  const out = createWriteStream(path);
  let chunk = begin;
  for (const line of lines) {
    chunk += line;
    if (chunk.length < CHUNK_CHARACTERS) continue;
    if (!out.write(chunk)) await once(out, 'drain');
    chunk = '';
  }
  out.end(chunk + end);
  await once(out, 'close');
}

function* map<From, To>(values: Iterable<From>, of: (value: From, index: number) => To): Generator<To> {
  let index = 0;
  for (const value of values) yield of(value, index++);
}

const csvLine = ({ id, product, rating, review }: Review) => `${id},${product},${rating},"${review}"\n`;
const jsonElement = (review: Review, index: number) => `${index === 0 ? '' : ',\n'}${JSON.stringify(review)}`;

async function writeParquet(csvPath: string, path: string, rowGroupRows: number): Promise<void> {
  await runInDuckDb([
    `COPY (SELECT * FROM read_csv(${sqlText(csvPath)}, all_varchar = true)) TO ${sqlText(path)} (FORMAT parquet, ROW_GROUP_SIZE ${rowGroupRows})`,
  ]);
}

async function writeLargePages(path: string, rows: number): Promise<void> {
  const columns = ['id', 'product', 'rating', 'review'] as const;
  await parquetWriteRows({
    writer: fileWriter(path),
    rows: map(reviews(rows), (review) => ({ ...review, review: review.review.slice(0, PAGED_TEXT_CHARACTERS) })),
    columns: columns.map((name) => ({ name, type: 'STRING' })),
    rowGroupSize: PAGE_ROWS,
    pageSize: Number.MAX_SAFE_INTEGER,
  });
}

/** What writes each file. `csvPath`: the same rows as CSV, written before. */
const writers = {
  csv: (path: string, rows: number) => writeText(path, 'id,product,rating,review\n', map(reviews(rows), csvLine)),
  'csv.gz': (path: string, _rows: number, csvPath: string) =>
    pipeline(createReadStream(csvPath), createGzip({ level: 1 }), createWriteStream(path)),
  jsonl: (path: string, rows: number) =>
    writeText(
      path,
      '',
      map(reviews(rows), (review) => `${JSON.stringify(review)}\n`),
    ),
  json: (path: string, rows: number) => writeText(path, '[', map(reviews(rows), jsonElement), ']\n'),
  parquet: (path: string, _rows: number, csvPath: string) => writeParquet(csvPath, path, 122_880),
  'one-group.parquet': (path: string, rows: number, csvPath: string) => writeParquet(csvPath, path, Math.max(rows, 2_048)),
  'large-pages.parquet': (path: string, rows: number) => writeLargePages(path, rows),
} satisfies Record<string, (path: string, rows: number, csvPath: string) => Promise<unknown>>;

export type FileKind = keyof typeof writers;
export const fileKinds = Object.keys(writers) as FileKind[];

/** Writes the reviews as a file of a kind. */
export const writeReviewFile = async (kind: FileKind, path: string, rows: number, csvPath: string): Promise<void> =>
  void (await writers[kind](path, rows, csvPath));

const [kind, path, rows, csvPath] = process.argv.slice(2);
if (import.meta.main) await writeReviewFile(kind as FileKind, path as string, Number(rows), csvPath as string);
