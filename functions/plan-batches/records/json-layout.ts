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
}

const OPEN_ARRAY = 91;
const OPEN_OBJECT = 123;
/** Objects within each other in which the array may lie. */
const MAX_DEPTH = 3;
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

/** The first array of objects that an object holds, itself or in objects within it: its path and the index after its bracket. */
function findList(bytes: Buffer, start: number): { name: string; start: number } | undefined {
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
      if (depth === 0) return undefined;
      at += 1;
    } else if (byte === ',' || byte === ':') {
      at += 1;
    } else {
      if (byte === '[' && bytes[nonSpace(bytes, at + 1)] === OPEN_OBJECT) return { name: path.join('.'), start: at + 1 };
      const end = new JsonScanner().scan(bytes, at, bytes.length);
      if (end === -1) return undefined;
      if (bytes[nonSpace(bytes, end)] === 58) path[depth - 1] = String(parsed(bytes, at, end));
      at = end;
    }
  }
  return undefined;
}

/** How the records of a file lie that begins as JSON, null where it does not. */
export function jsonLayoutOf(head: UploadHead): JsonLayout | null {
  const { bytes, start, lineBreak, ending } = head;
  const first = firstNonBlank(bytes, start.byte);
  const lines: JsonLayout = { kind: 'lines', start, name: '' };
  const layoutAt = (kind: JsonLayout['kind'], byte: number, name = ''): JsonLayout => ({
    kind,
    name,
    start: { byte, line: 1 + countBytes(bytes, LINE_FEED, 0, byte), rowNumber: 0 },
  });
  const isNamedLines = ending === 'jsonl' || ending === 'ndjson';
  const byName = isNamedLines || ending === 'json' ? lines : null;
  if (bytes[first] === OPEN_ARRAY) {
    return startsArray.test(bytes.toString('latin1', first, first + 4096)) ? layoutAt('list', first + 1) : byName;
  }
  if (bytes[first] !== OPEN_OBJECT) return byName;

  const foundBreak = bytes.indexOf(lineBreak, first);
  const lineEnd = foundBreak === -1 ? bytes.length : foundBreak;
  const isLine = isJsonObject(parsed(bytes, first, lineEnd));
  const isOnlyLine = head.isWhole && firstNonBlank(bytes, lineEnd) === bytes.length;
  if (isLine && (isNamedLines || !isOnlyLine)) return lines;
  const list = findList(bytes, first);
  if (list) return layoutAt('property', list.start, list.name);
  if (isLine) return lines;
  const end = new JsonScanner().scan(bytes, first, bytes.length);
  return end !== -1 && isJsonObject(parsed(bytes, first, end)) ? layoutAt('list', first) : byName;
}
