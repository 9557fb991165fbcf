import type { RejectionReason } from '../shared/contract.ts';
import { InvalidUploadError } from '../shared/errors.ts';
import { SAMPLE_RECORDS } from '../shared/limits.ts';
import type { Settings } from '../shared/settings.ts';
import { chooseColumns } from './columns.ts';
import { csvRecords } from './records/csv-records.ts';
import { jsonlRecords } from './records/jsonl-records.ts';
import type { Fields, RecordFormat, UploadRecord, UploadSource } from './records/record-format.ts';
import type { Upload } from './upload.ts';
import { isJsonl, readUploadHead, refuseEmpty } from './upload-head.ts';
import { rowMaker } from './upload-rows.ts';

/** Bytes of records after which the sample is large enough, however few they are: it is held in memory. */
const SAMPLE_BYTES = 8 * 1024 * 1024;
/** From so many undecodable records on, the file is taken to be in another encoding if fewer are plainly UTF-8. */
const FOREIGN_ENCODING_RECORDS = 10;
/** Share of the sample that may be broken. */
const TOLERATED_BROKEN = 0.5;

const beyondAscii = /[^\p{ASCII}]/u;

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

function isForeignEncoding(sample: readonly UploadRecord[]): boolean {
  const undecodable = sample.filter(({ reason }) => reason === 'undecodable_bytes').length;
  if (undecodable > sample.length * TOLERATED_BROKEN) return true;
  if (undecodable < FOREIGN_ENCODING_RECORDS) return false;
  const plain = sample.filter(
    (record) => isDecoded(record) && record.fields.names().some((name) => beyondAscii.test(record.fields.text(name))),
  );
  return undecodable > plain.length;
}

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
function judgeSample(fileName: string, { format, header, remedy }: RecordFormat, sample: readonly UploadRecord[]): void {
  if (sample.length === 0) {
    if (header === null) refuseEmpty(fileName);
    throw new InvalidUploadError(`${fileName} has a header but no rows; add at least one row below the header.`, { code: 'no_rows' });
  }
  if (isForeignEncoding(sample)) {
    throw new InvalidUploadError(`${fileName} is not UTF-8 text; save it as UTF-8 (in Excel: File > Save As > CSV UTF-8) and drop that.`, {
      code: 'not_utf8',
    });
  }
  const broken = sample.filter(({ reason }) => reason !== null);
  if (broken.length > sample.length * TOLERATED_BROKEN) {
    throw new InvalidUploadError(
      `${fileName} cannot be read as ${format.toUpperCase()}: ${broken.length} broken among the first ${sample.length} records ` +
        `(${countedReasons(broken)}), the first on line ${broken[0]?.position.line}; ${remedy}.`,
      { code: 'mostly_broken' },
    );
  }
}

/**
 * The rows of an upload. Format and columns are decided on its head, hence the same for whoever opens the same bytes again.
 * @throws InvalidUploadError: the upload cannot be a source of rows; the message is one sentence with the way out.
 */
export async function openUpload(
  source: UploadSource,
  settings: Pick<Settings, 'textColumn' | 'idColumn' | 'maxRowCharacters'>,
): Promise<Upload> {
  const head = await readUploadHead(source);
  const format = isJsonl(head) ? jsonlRecords(source, head) : csvRecords(source, head);
  const sample = await readSample(format);
  judgeSample(head.fileName, format, sample);
  const decoded = sample.filter(isDecoded);
  const columns = format.header ?? [...new Set(decoded.flatMap(({ fields }) => fields.names()))];
  const valuesOf = (column: string) => decoded.map(({ fields }) => fields.text(column));
  const { textColumn, idColumn, notes } = chooseColumns(columns, valuesOf, settings);
  const rowOf = rowMaker({ textColumn, idColumn, maxRowCharacters: settings.maxRowCharacters });
  return {
    format: format.format,
    textColumn,
    idColumn,
    columns,
    notes: [...format.notes, ...notes],
    start: format.start,
    async *rows(from) {
      for await (const records of format.records(from)) yield records.map(rowOf);
    },
  };
}
