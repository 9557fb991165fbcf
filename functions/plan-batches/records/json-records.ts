import { elementBlocks } from './json-frames.ts';
import type { JsonLayout } from './json-layout.ts';
import { jsonRecordsOf } from './jsonl-records.ts';
import type { RecordFormat, UploadSource } from './record-format.ts';

/** Other lists that the note names. */
const LISTED = 10;

function otherLists(names: readonly string[]): string {
  if (names.length === 0) return '';
  const listed = names.slice(0, LISTED).map((name) => `"${name}"`);
  return ` (other lists in it: ${listed.join(', ')}${names.length > LISTED ? ' and more' : ''})`;
}

/** The reader for a JSON array of objects, by itself or in an object, and for objects one after another. */
export function jsonRecords(source: UploadSource, { start, kind, name, others }: JsonLayout): RecordFormat {
  return {
    format: 'json',
    delimiter: null,
    header: null,
    notes: kind === 'property' ? [`The rows are the objects in "${name}"; what else the file holds is left out${otherLists(others)}.`] : [],
    start,
    remedy: 'write an array of JSON objects, or one JSON object on each line',
    async *records(from) {
      for await (const block of elementBlocks(source, from, kind === 'property')) yield jsonRecordsOf(block);
    },
  };
}
