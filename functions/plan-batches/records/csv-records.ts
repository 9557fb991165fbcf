import type { RejectionReason } from '../../shared/contract.ts';
import type { Delimiter } from '../upload.ts';
import type { UploadHead } from '../upload-head.ts';
import { CsvFields, CsvSplitter, type Values } from './csv-fields.ts';
import { csvFraming } from './csv-framing.ts';
import { readCsvHeader } from './csv-header.ts';
import type { RecordFormat, UploadRecord, UploadSource } from './record-format.ts';
import { type Frame, frameBlocks, rawText } from './record-frames.ts';

const delimiterNames: Record<Delimiter, string> = { ',': 'commas', ';': 'semicolons', '\t': 'tabs', '|': 'vertical bars' };

/**
 * The CSV reader for a file.
 * @param wanted the delimiter, null to find it on the first records.
 * @throws InvalidUploadError: the header cannot be read.
 */
export function csvRecords(source: UploadSource, head: UploadHead, wanted: Delimiter | null): RecordFormat {
  const { delimiter, names, start } = readCsvHeader(head, wanted);
  const framing = csvFraming(delimiter, head.lineBreak);
  const splitter = new CsvSplitter(delimiter, head.lineBreak);
  const columns = new Map(names.map((name, index) => [name, index]));

  const recordOf = (bytes: Buffer, frame: Frame, values: Values | RejectionReason): UploadRecord => {
    const { position, next } = frame;
    const raw = () => frame.rejection?.raw ?? rawText(bytes, frame.start, frame.end);
    if (typeof values === 'string') return { position, next, raw, reason: values };
    if (values.length === names.length) return { position, next, raw, reason: null, fields: new CsvFields(columns, values) };
    return { position, next, raw, reason: values.length > names.length ? 'too_many_fields' : 'too_few_fields' };
  };

  return {
    format: 'csv',
    delimiter,
    header: names,
    notes: delimiter === ',' || wanted ? [] : [`The fields are taken to be separated by ${delimiterNames[delimiter]}.`],
    start,
    remedy:
      `give every line as many fields as the header has (${names.length}, separated by ${delimiterNames[delimiter]}) ` +
      `and put fields that hold ${delimiterNames[delimiter]}, quotes or line breaks in double quotes`,
    async *records(from) {
      for await (const block of frameBlocks(source, from, framing)) {
        const values = splitter.split(block);
        yield block.frames.map((frame, index) => recordOf(block.bytes, frame, values[index] as Values | RejectionReason));
      }
    },
  };
}
