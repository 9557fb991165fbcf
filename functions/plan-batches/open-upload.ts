import type { RejectionReason } from '../shared/contract.ts';
import { InvalidUploadError } from '../shared/errors.ts';
import { SAMPLE_RECORDS } from '../shared/limits.ts';
import type { Settings } from '../shared/settings.ts';
import { chooseColumns, comparable, type DecidedColumns, isTextName, requireColumns } from './columns.ts';
import { groupColumnsOf } from './group-columns.ts';
import { headerNote, requireHeader } from './missing-header.ts';
import { type KeepCopy, type ReadableUpload, readableUpload } from './readable-upload.ts';
import { isTable, readCsvHeader } from './records/csv-header.ts';
import { csvRecords } from './records/csv-records.ts';
import { isJsonEnding, jsonLayoutOf } from './records/json-layout.ts';
import { jsonRecords } from './records/json-records.ts';
import { jsonlRecords } from './records/jsonl-records.ts';
import { parquetRecords } from './records/parquet-records.ts';
import type { Fields, RecordFormat, UploadRecord, UploadSource } from './records/record-format.ts';
import { textRecords } from './records/text-records.ts';
import type { Delimiter, Upload } from './upload.ts';
import { refuseEmpty } from './upload-head.ts';
import { rowMaker } from './upload-rows.ts';
import { isBlank } from './upload-text.ts';

/** Bytes of records after which the sample is large enough, however few they are: it is held in memory. */
const SAMPLE_BYTES = 8 * 1024 * 1024;
/** Share of the sample that may be broken. */
const TOLERATED_BROKEN = 0.5;

async function readSample(format: RecordFormat): Promise<UploadRecord[]> {
  const sample: UploadRecord[] = [];
  for await (const records of format.records(format.start)) {
    for (const record of records) {
      if (sample.length === SAMPLE_RECORDS || record.position.byte - format.start.byte >= SAMPLE_BYTES) return sample;
      sample.push(record);
    }
  }
  return sample;
}

const isDecoded = (record: UploadRecord): record is UploadRecord & { reason: null; fields: Fields } => record.reason === null;

/** Number of records by reason, the most frequent first: `3 too_few_fields, 1 unclosed_quote`. */
function countedReasons(broken: readonly UploadRecord[]): string {
  const counts = new Map<RejectionReason | null, number>();
  for (const { reason } of broken) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ');
}

/** @throws InvalidUploadError: the sample shows that the file is not what it was taken for. */
function judgeSample(
  fileName: string,
  { format, header, remedy }: RecordFormat,
  sample: readonly UploadRecord[],
  isLaterPart: boolean,
): void {
  if (sample.length === 0) {
    if (header === null) refuseEmpty(fileName);
    throw new InvalidUploadError(
      format === 'parquet'
        ? `${fileName} has columns but no rows; write at least one.`
        : `${fileName} has a header but no rows; add at least one row below the header.`,
      {
        code: 'no_rows',
      },
    );
  }
  const broken = sample.filter(({ reason }) => reason !== null);
  // A later part of a folder may hold few rows: those that are broken are rejected one by one.
  if (!isLaterPart && broken.length > sample.length * TOLERATED_BROKEN) {
    throw new InvalidUploadError(
      `${fileName} cannot be read as ${format.toUpperCase()}: ${broken.length} broken among the first ${sample.length} records ` +
        `(${countedReasons(broken)}), the first on line ${broken[0]?.position.line}; ${remedy}.`,
      { code: 'mostly_broken' },
    );
  }
}

type ReadingSettings = Pick<Settings, 'textColumn' | 'idColumn' | 'groupColumn' | 'delimiter' | 'maxRowCharacters'> &
  Partial<Pick<Settings, 'redact'>>;

const delimiterNames: Record<string, Delimiter> = { comma: ',', semicolon: ';', tab: '\t', pipe: '|' };

/** How to read the records of an upload: as what its content shows it to be, as its name says where that leaves it open. */
async function formatOf(
  { source, head, isParquet }: ReadableUpload,
  settings: ReadingSettings,
  decided: DecidedColumns | undefined,
): Promise<RecordFormat> {
  if (isParquet) return parquetRecords(source, head.fileName);
  const { delimiter, textColumn, idColumn } = settings;
  const isText = (column: string) => isTextName(column) || column === textColumn;
  const layout = jsonLayoutOf(head, textColumn === null ? isText : (column) => comparable(column) === comparable(textColumn));
  if (layout) return layout.kind === 'lines' ? jsonlRecords(source, head) : jsonRecords(source, layout);
  // Of a folder of CSV, a part with a single line does not show by itself that it is a table.
  const mayBeNone = !delimiter && !decided?.csv.delimiter && !isTable(head, isText);
  // What is called JSON and is neither JSON nor a table is refused as the JSON that it was meant to be.
  if (isJsonEnding(head.ending) && mayBeNone) return jsonlRecords(source, head);
  if (head.ending === 'txt' && mayBeNone) return textRecords(source, head);
  const named = (columns: readonly (string | null)[]) => columns.filter((column) => column !== null);
  const header = readCsvHeader(head, {
    delimiter: delimiter === null ? null : (delimiterNames[delimiter] ?? (delimiter as Delimiter)),
    columns: named([textColumn, idColumn]),
    first: decided ? { ...decided.csv, columns: named([decided.textColumn, decided.idColumn]) } : null,
  });
  return csvRecords(source, header);
}

/** The records of an upload and what is known of its bytes; the head is let go of here. */
async function recordsOf(
  source: UploadSource,
  settings: ReadingSettings,
  decided: DecidedColumns | undefined,
  keepCopy: KeepCopy | undefined,
) {
  const readable = await readableUpload(source, keepCopy);
  const { compression, encoding, notes, head } = readable;
  return { format: await formatOf(readable, settings, decided), fileName: head.fileName, compression, encoding, notes };
}

/** The columns of the file, and those that hold text and id. The sample is let go of here: it is held in memory. */
async function columnsOf(fileName: string, format: RecordFormat, settings: ReadingSettings, { decided, constants = {} }: PartOfFolder) {
  const sample = await readSample(format);
  // First of all: the one line of a part may be a row.
  const required = decided && requireColumns(fileName, format, decided, constants);
  judgeSample(fileName, format, sample, decided !== undefined);
  const decoded = sample.filter(isDecoded);
  // Spreadsheets end with lines of nothing but commas.
  const filled = decoded.filter(({ fields }) => fields.names().some((column) => !isBlank(fields.text(column))));
  const valuesOf = (column: string) => filled.map(({ fields }) => fields.text(column));
  const columns = format.header ?? [...new Set(decoded.flatMap(({ fields }) => fields.names()))];
  if (required) return { columns, ...required, groupColumns: decided.groupColumns };
  const hasNames = format.format === 'csv' && !format.isHeaderless;
  if (hasNames) requireHeader(fileName, columns, valuesOf, settings);
  const chosen = chooseColumns(columns, valuesOf, settings);
  const groupColumns = groupColumnsOf(settings.groupColumn, [...new Set([...columns, ...Object.keys(constants)])], chosen.textColumn);
  const isChosenByValues = hasNames && settings.textColumn === null;
  return {
    columns,
    ...chosen,
    groupColumns,
    notes: [...chosen.notes, ...(isChosenByValues ? headerNote(columns, chosen.textColumn) : [])],
  };
}

/** What is known beforehand of an upload that is a part file of a folder. */
export interface PartOfFolder {
  /** The columns chosen on another part file of the same upload, which this one must have, too. */
  decided?: DecidedColumns | undefined;
  /** Attributes that all its rows have, unless they have a column of that name. @default none */
  constants?: Readonly<Record<string, unknown>>;
}

/**
 * The rows of an upload. Format and columns are decided on its head, hence the same for whoever opens the same bytes again.
 * @param keepCopy keeps the decompressed UTF-8 copy of a file that cannot be read from any offset. @default none is kept: what comes
 * before an offset is converted again
 * @throws InvalidUploadError: the upload cannot be a source of rows; the message is one sentence with the way out. `rows` throws it
 * where a compressed file or a Parquet file turns out to be damaged.
 */
export async function openUpload(
  source: UploadSource,
  settings: ReadingSettings,
  part: PartOfFolder = {},
  keepCopy?: KeepCopy,
): Promise<Upload> {
  const { format, ...readable } = await recordsOf(source, settings, part.decided, keepCopy);
  const { columns, textColumn, idColumn, groupColumns, notes } = await columnsOf(readable.fileName, format, settings, part);
  const { constants = {} } = part;
  const { maxRowCharacters, redact } = settings;
  const rowOf = rowMaker({ textColumn, idColumn, groupColumns, constants, maxRowCharacters, redact });
  return {
    format: format.format,
    compression: readable.compression,
    encoding: readable.encoding,
    delimiter: format.delimiter,
    textColumn,
    idColumn,
    groupColumns,
    columns,
    isHeaderless: format.isHeaderless ?? false,
    notes: [...readable.notes, ...format.notes, ...notes],
    start: format.start,
    async *rows(from) {
      for await (const records of format.records(from)) yield records.map(rowOf);
    },
  };
}
