import type { RejectionReason } from '../../shared/contract.ts';
import { CsvFields, CsvSplitter, type Values } from './csv-fields.ts';
import { csvFraming } from './csv-framing.ts';
import { type CsvHeader, separatorName } from './csv-header.ts';
import type { RecordFormat, UploadRecord, UploadSource } from './record-format.ts';
import { type Frame, frameBlocks, rawText } from './record-frames.ts';

/** The CSV reader for a file with that header. */
export function csvRecords(
  source: UploadSource,
  { delimiter, lineBreak, isBackslashed, names, isHeaderless, start, notes }: CsvHeader,
): RecordFormat {
  const framing = csvFraming(delimiter, lineBreak, isBackslashed);
  const splitter = new CsvSplitter(delimiter, lineBreak, isBackslashed);
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
    isHeaderless,
    notes,
    start,
    remedy:
      `give every line as many fields as the ${isHeaderless ? 'first' : 'header'} has (${names.length}, separated by ${separatorName(delimiter)}) ` +
      `and put fields that hold ${separatorName(delimiter)}, quotes or line breaks in double quotes${names.length === 1 ? ', or name the file .txt if every line is one text' : ''}`,
    async *records(from) {
      for await (const block of frameBlocks(source, from, framing)) {
        const values = splitter.split(block);
        yield block.frames.map((frame, index) => recordOf(block.bytes, frame, values[index] as Values | RejectionReason));
      }
    },
  };
}
