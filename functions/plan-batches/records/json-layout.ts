import { InvalidUploadError } from '../../shared/errors.ts';
import type { Position } from '../upload.ts';
import { firstNonBlank, type UploadHead } from '../upload-head.ts';
import { isJsonObject } from './json-fields.ts';
import { isJsonSpace, JsonScanner } from './json-scanner.ts';
import { countBytes, LINE_FEED } from './record-frames.ts';

/** Where the records of a JSON file lie. */
export interface JsonLayout {
  /** `lines`: one on each line; `list`: in an array or one after another; `property`: in an array that an object holds. */
  kind: 'lines' | 'list' | 'property';
  /** In the array, or before the first object. */
  start: Position;
  /** Name of the array in the object, names of objects around it before it: `data.reviews`. '' for the other kinds. */
  name: string;
  /** Names of the other arrays of objects that were found. */
  others: readonly string[];
}

const COLON = 58;
const COMMA = 44;
const OPEN_ARRAY = 91;
const OPEN_OBJECT = 123;
/** Objects within each other in which the array may lie. */
const MAX_DEPTH = 3;
/** Objects of a list whose names are looked at. */
const NAMED_ELEMENTS = 20;
/** Bytes at the start that a pattern is looked for in. */
const START_BYTES = 256 * 1024;
const CHECKED_LINES = 100;
export const isJsonEnding = (ending: string) => ['json', 'jsonl', 'ndjson'].includes(ending);
const startsArray = /^\[\s*(?:[{[\]"\d-]|true\b|false\b|null\b|$)/;

function parsed(bytes: Buffer, start: number, end: number): unknown {
  try {
    return JSON.parse(bytes.toString('utf8', start, end));
  } catch {
    return undefined;
  }
}

const nonSpace = (bytes: Buffer, from: number) => {
  let at = from;
  while (isJsonSpace(bytes[at])) at += 1;
  return at;
};

interface ObjectList {
  /** Its own name, names of objects around it before it. */
  name: string;
  /** Index after its bracket. */
  start: number;
}

/** The arrays of objects that an object holds, itself or in objects within it, up to the one that goes on beyond the bytes. */
function findLists(bytes: Buffer, start: number): ObjectList[] {
  const lists: ObjectList[] = [];
  const path: string[] = [];
  let depth = 0;
  for (let at = start; at < bytes.length; at = nonSpace(bytes, at)) {
    const byte = String.fromCharCode(bytes[at] as number);
    if (byte === '{' && depth < MAX_DEPTH) {
      depth += 1;
      at += 1;
    } else if (byte === '}') {
      depth -= 1;
      path.length = Math.max(0, depth);
      if (depth === 0) break;
      at += 1;
    } else if (byte === ',' || byte === ':') {
      at += 1;
    } else {
      if (byte === '[' && bytes[nonSpace(bytes, at + 1)] === OPEN_OBJECT) lists.push({ name: path.join('.'), start: at + 1 });
      const end = new JsonScanner().scan(bytes, at, bytes.length);
      if (end === -1) break;
      if (bytes[nonSpace(bytes, end)] === COLON) path[depth - 1] = String(parsed(bytes, at, end));
      at = end;
    }
  }
  return lists;
}

/** Names that the first objects of a list have. */
function namesIn(bytes: Buffer, { start }: ObjectList): Set<string> {
  const names = new Set<string>();
  let at = nonSpace(bytes, start);
  for (let count = 0; count < NAMED_ELEMENTS && bytes[at] === OPEN_OBJECT; count += 1) {
    const end = new JsonScanner().scan(bytes, at, bytes.length);
    if (end === -1) break;
    const element = parsed(bytes, at, end);
    if (isJsonObject(element)) for (const name of Object.keys(element)) names.add(name);
    at = nonSpace(bytes, end);
    if (bytes[at] === COMMA) at = nonSpace(bytes, at + 1);
  }
  return names;
}

/** @throws InvalidUploadError: the object is a table written by its columns or by its row labels, as pandas does unless told otherwise. */
function refuseByColumns({ fileName, bytes }: UploadHead, first: number): void {
  const start = bytes.toString('latin1', first, first + START_BYTES);
  const isSplit = /^\{\s*"(?:columns|index)"\s*:\s*\[/.test(start) && /"data"\s*:\s*\[\s*\[/.test(start);
  const isByColumns = /^\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\{\s*"0"\s*:/.test(start);
  if (!isSplit && !isByColumns && !/^\{\s*"0"\s*:\s*\{/.test(start)) return;
  throw new InvalidUploadError(
    `${fileName} is a table written by its columns or row labels, as pandas does; write one object a row (to_json(FILE, orient="records", ` +
      'lines=True)) and drop that.',
    { code: 'table_by_columns' },
  );
}

/**
 * A single object is one row, unless it is plain that more was meant.
 * @throws InvalidUploadError: all it holds are objects, or a list of texts is all there is of texts.
 */
function refuseOneRow({ fileName, bytes, isWhole }: UploadHead, first: number, isText: (column: string) => boolean): void {
  const object = isWhole ? parsed(bytes, first, bytes.length) : undefined;
  if (!isJsonObject(object)) return;
  const entries = Object.entries(object);
  if (entries.length > 1 && entries.every(([, value]) => isJsonObject(value))) {
    throw new InvalidUploadError(
      `${fileName} is one object that holds objects by their names; write an array of the objects and drop that.`,
      {
        code: 'table_by_columns',
      },
    );
  }
  if (entries.some(([name, value]) => isText(name) && typeof value === 'string')) return;
  const empty = entries.find(([, value]) => Array.isArray(value) && value.length === 0);
  if (empty)
    throw new InvalidUploadError(`${fileName} has no rows: its list "${empty[0]}" is empty; write at least one.`, { code: 'no_rows' });
  const texts = entries.find(([, value]) => Array.isArray(value) && value.length > 1 && value.every((item) => typeof item === 'string'));
  if (!texts) return;
  throw new InvalidUploadError(
    `${fileName} holds a list of texts, "${texts[0]}", and no rows; write one object a text ({"text": "..."}), or a .txt file with one text a line, ` +
      'and drop that.',
    { code: 'list_of_texts' },
  );
}

/** Whether lines that do not begin as JSON are all the same meant as JSON: the first is some, or one of the first is an object. */
function hasJsonLines({ bytes, start, lineBreak }: UploadHead): boolean {
  const lines = bytes.toString('utf8', start.byte, START_BYTES).split(String.fromCharCode(lineBreak), CHECKED_LINES);
  const written = lines.map((line) => line.trim()).filter((line) => line !== '');
  return written.some(
    (line, index) => (index === 0 || line.startsWith('{')) && parsed(Buffer.from(line), 0, Buffer.byteLength(line)) !== undefined,
  );
}

/**
 * How the records of a file lie that begins as JSON, null where it does not.
 * @param isText whether a column has the name of a text column: of several arrays in an object the first with such a column is the table,
 * else the first.
 * @throws InvalidUploadError: it holds a table in a way that is not read.
 */
export function jsonLayoutOf(head: UploadHead, isText: (column: string) => boolean): JsonLayout | null {
  const { bytes, start, lineBreak, ending } = head;
  const first = firstNonBlank(bytes, start.byte);
  const lines: JsonLayout = { kind: 'lines', start, name: '', others: [] };
  const layoutAt = (kind: JsonLayout['kind'], byte: number, name = '', others: readonly string[] = []): JsonLayout => ({
    kind,
    name,
    others,
    start: { byte, line: 1 + countBytes(bytes, LINE_FEED, 0, byte), rowNumber: 0 },
  });
  const isNamedLines = isJsonEnding(ending) && ending !== 'json';
  const byName = isJsonEnding(ending) ? lines : null;
  if (bytes[first] === OPEN_ARRAY) {
    return startsArray.test(bytes.toString('latin1', first, first + 4096)) ? layoutAt('list', first + 1) : byName;
  }
  if (bytes[first] !== OPEN_OBJECT) return byName && hasJsonLines(head) ? byName : null;

  const foundBreak = bytes.indexOf(lineBreak, first);
  const lineEnd = foundBreak === -1 ? bytes.length : foundBreak;
  const isLine = isJsonObject(parsed(bytes, first, lineEnd));
  const isOnlyLine = head.isWhole && firstNonBlank(bytes, lineEnd) === bytes.length;
  if (isLine && (isNamedLines || !isOnlyLine)) return lines;
  refuseByColumns(head, first);
  const lists = findLists(bytes, first);
  const table = lists.find((list) => [...namesIn(bytes, list)].some(isText)) ?? lists[0];
  if (table) {
    const others = lists.filter((list) => list !== table).map(({ name }) => name);
    return layoutAt('property', table.start, table.name, others);
  }
  refuseOneRow(head, first, isText);
  if (isLine) return lines;
  const end = new JsonScanner().scan(bytes, first, bytes.length);
  return end !== -1 && isJsonObject(parsed(bytes, first, end)) ? layoutAt('list', first) : byName;
}
