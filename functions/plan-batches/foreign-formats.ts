/** What people drop that is no table of texts, and how to make one of it. */
interface ForeignFormat {
  code: string;
  /** First bytes of such a file; a text that happens to start with the same letters goes on with a printable character. */
  magic: readonly (string | readonly number[])[];
  /** Offset of the magic. @default 0 */
  at?: number;
  /** Bytes that its head holds somewhere. */
  holds?: string;
  /** Endings that tell as much. */
  endings?: readonly string[];
  sentence: string;
}

/** The level of compression stands between the letters and the first block's mark. */
const bzip2 = Array.from('123456789', (level) => [...Buffer.from(`BZh${level}1AY&SY`)]);
const PK = ['PK\x03\x04'];
const asCsv = 'and drop that instead';
const foreignFormats: readonly ForeignFormat[] = [
  {
    code: 'excel_workbook',
    magic: PK,
    holds: 'xl/',
    endings: ['xlsx', 'xlsm', 'xlsb'],
    sentence: `is an Excel workbook; export it as CSV (File > Save As > CSV UTF-8) ${asCsv}`,
  },
  {
    code: 'word_document',
    magic: PK,
    holds: 'word/',
    endings: ['docx', 'docm'],
    sentence: `is a Word document; put the texts into a CSV file, one a row, or save it as plain text, one text a line, ${asCsv}`,
  },
  {
    code: 'presentation',
    magic: PK,
    holds: 'ppt/',
    endings: ['pptx', 'pptm'],
    sentence: `is a presentation; put the texts into a CSV file, one a row, ${asCsv}`,
  },
  {
    code: 'open_document',
    magic: PK,
    holds: 'mimetypeapplication/vnd.oasis.opendocument',
    endings: ['ods', 'odt'],
    sentence: `is an OpenDocument file; export it as CSV (File > Save As > Text CSV, in UTF-8) ${asCsv}`,
  },
  {
    code: 'zip_archive',
    magic: [...PK, 'PK\x05\x06'],
    sentence: 'is a zip archive; unpack it and drop the files in it, compressed with gzip or zstd if you like',
  },
  {
    code: 'excel_workbook',
    magic: [[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]],
    sentence: `is an old Office document (such as .xls or .doc); export it as CSV (in Excel: File > Save As > CSV UTF-8) ${asCsv}`,
  },
  {
    code: 'tar_archive',
    magic: [[...Buffer.from('ustar')]],
    at: 257,
    holds: '\0',
    sentence: 'is a tar archive; unpack it and drop the files in it, or the folder if it holds the parts of one table',
  },
  {
    code: 'sql_dump',
    magic: ['PGDMP'],
    sentence: 'is a PostgreSQL dump; export the table as CSV (\\copy TABLE to FILE csv header) and drop that instead',
  },
  { code: 'pdf', magic: ['%PDF-'], sentence: 'is a PDF; put the texts into a CSV or JSONL file, one a row, and drop that' },
  {
    code: 'rich_text',
    magic: [[...Buffer.from('{\\rtf')]],
    sentence: `is a rich text document; save it as plain text, one text a line, ${asCsv}`,
  },
  {
    code: 'image',
    magic: [[0x89, 0x50, 0x4e, 0x47], [0xff, 0xd8, 0xff], 'GIF87a', 'GIF89a'],
    sentence: 'is an image; put the texts into a CSV or JSONL file, one a row, and drop that',
  },
  {
    code: 'sqlite',
    magic: [[...Buffer.from('SQLite format 3\0')]],
    sentence: `is an SQLite database; export the table as CSV (sqlite3 -header -csv FILE "select * from TABLE") ${asCsv}`,
  },
  {
    code: 'compressed',
    magic: [...bzip2, [0xfd, 0x37, 0x7a, 0x58, 0x5a], [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], 'Rar!\x1a\x07'],
    sentence:
      'is compressed in a way that is not read (bzip2, xz, 7-Zip or RAR); decompress it or compress it with gzip or zstd, and drop that',
  },
  {
    code: 'columnar',
    magic: ['ORC', 'Obj\x01', 'ARROW1\0', 'PARE'],
    sentence: `is ORC, Avro, Arrow or encrypted Parquet, which are not read; write it as Parquet, CSV or JSONL ${asCsv}`,
  },
  {
    code: 'utf32',
    magic: [
      [0xff, 0xfe, 0, 0],
      [0, 0, 0xfe, 0xff],
    ],
    sentence: 'is UTF-32 text; save it as UTF-8 and drop that',
  },
];

const PERCENT = 37;
const isControl = (byte: number | undefined) => byte === undefined || (byte < 32 && ![9, 10, 13].includes(byte)) || byte > 126;

/** Whether bytes begin with a magic; one of letters only where what follows could not be text. */
export function startsAs(bytes: Buffer, magic: string | readonly number[]): boolean {
  const first = Buffer.from(magic as string, 'latin1');
  if (!bytes.subarray(0, first.length).equals(first)) return false;
  const isLetters = typeof magic === 'string' && !isControl(first.at(-1));
  return !isLetters || first[0] === PERCENT || isControl(bytes[first.length]);
}

/** The first format in the list that the file is. */
export const foreignFormatOf = (bytes: Buffer, ending: string): ForeignFormat | undefined =>
  foreignFormats.find(
    ({ magic, at = 0, holds, endings }) =>
      magic.some((start) => startsAs(bytes.subarray(at), start)) && (!holds || bytes.includes(holds) || endings?.includes(ending)),
  );
