import { isUtf8 } from 'node:buffer';
import type { UploadHead } from '../upload-head.ts';
import { jsonFields } from './json-fields.ts';
import type { RecordFormat, UploadRecord, UploadSource } from './record-format.ts';
import { type FrameBlock, frameBlocks, lineFraming, rawText } from './record-frames.ts';

/** The records of a block of which each is a JSON object. */
export const jsonRecordsOf = ({ bytes, frames }: FrameBlock): UploadRecord[] =>
  frames.map(({ start, end, position, next, rejection }): UploadRecord => {
    const place = { position, next, raw: () => rejection?.raw ?? rawText(bytes, start, end) };
    if (rejection) return { ...place, reason: rejection.reason };
    if (!isUtf8(bytes.subarray(start, end))) return { ...place, reason: 'undecodable_bytes' };
    return { ...place, ...jsonFields(bytes.toString('utf8', start, end)) };
  });

/** The reader for JSON Lines: one object a line; lines of nothing but white space are no records. */
export function jsonlRecords(source: UploadSource, head: UploadHead): RecordFormat {
  const framing = lineFraming(head.lineBreak);
  return {
    format: 'jsonl',
    delimiter: null,
    header: null,
    notes: [],
    start: head.start,
    remedy: 'write one JSON object on each line',
    async *records(from) {
      for await (const block of frameBlocks(source, from, framing)) yield jsonRecordsOf(block);
    },
  };
}
