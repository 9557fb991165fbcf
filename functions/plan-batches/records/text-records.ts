import { isUtf8 } from 'node:buffer';
import type { UploadHead } from '../upload-head.ts';
import type { Fields, RecordFormat, UploadRecord, UploadSource } from './record-format.ts';
import { frameBlocks, lineFraming, rawText } from './record-frames.ts';

const COLUMN = 'text';

const fieldsOf = (text: string): Fields => ({
  names: () => [COLUMN],
  text: (column) => (column === COLUMN ? text : ''),
  except: (columns) => (columns.has(COLUMN) ? {} : { [COLUMN]: text }),
});

/** The reader for plain text: every line is one text; lines of nothing but white space are no records. */
export function textRecords(source: UploadSource, head: UploadHead): RecordFormat {
  const framing = lineFraming(head.lineBreak);
  return {
    format: 'text',
    delimiter: null,
    header: [COLUMN],
    notes: [],
    start: head.start,
    remedy: 'write one text on each line, in UTF-8',
    async *records(from) {
      for await (const { bytes, frames } of frameBlocks(source, from, framing)) {
        yield frames.map(({ start, end, position, next, rejection }): UploadRecord => {
          const place = { position, next, raw: () => rejection?.raw ?? rawText(bytes, start, end) };
          if (rejection) return { ...place, reason: rejection.reason };
          if (!isUtf8(bytes.subarray(start, end))) return { ...place, reason: 'undecodable_bytes' };
          return { ...place, reason: null, fields: fieldsOf(bytes.toString('utf8', start, end)) };
        });
      }
    },
  };
}
