import { isDeepStrictEqual } from 'node:util';

/** Beginnings of JSON that are tried in one answer: each may be read to the answer's end, and words may hold any number of brackets. */
const MAX_BEGINNINGS = 100;
/** Lists and objects in one another; no answer that is asked for comes near. */
const MAX_DEPTH = 32;

interface Found {
  value: unknown;
  /** Just behind the value. */
  end: number;
}

/**
 * The JSON objects and arrays in an answer, in their order, whatever stands around them: words, a code fence, a model's thoughts. Commas before a
 * closing bracket and raw line breaks in strings are forgiven. Of one that the answer's end has cut, the whole entries of its last list are
 * there, unless it was cut deeper than in that list.
 */
export function jsonIn(text: string): unknown[] {
  const values: unknown[] = [];
  let beginnings = 0;
  for (let at = nextBeginning(text, 0); at >= 0 && beginnings < MAX_BEGINNINGS; beginnings++) {
    const found = valueAt(text, at);
    if (found) values.push(found.value);
    at = nextBeginning(text, found?.end ?? at + 1);
  }
  return values;
}

/** What a model thinks aloud before it answers. */
const thoughts = /^\s*<(think|thinking)>.*?<\/\1>/is;

/**
 * The JSON object in an answer that has a list under that name, or that another object wraps as `{"answer": {...}}`. Several that differ are as good as none: which of them the model means nobody can
 * know, since a text may have asked for the other.
 */
export function objectWith(list: string, text: string): Record<string, unknown> | undefined {
  const isOne = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, list) && Array.isArray((value as Record<string, unknown>)[list]);
  const values = jsonIn(text.replace(thoughts, ''));
  const plain = values.filter(isOne);
  const inside = (value: unknown) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.values(value) : []);
  const [first, ...others] = plain.length > 0 ? plain : values.flatMap(inside).filter(isOne);
  return others.every((other) => isDeepStrictEqual(other, first)) ? first : undefined;
}

function nextBeginning(text: string, from: number): number {
  const [brace, bracket] = [text.indexOf('{', from), text.indexOf('[', from)];
  return brace < 0 || bracket < 0 ? Math.max(brace, bracket) : Math.min(brace, bracket);
}

const closers: Readonly<Record<string, string>> = { '{': '}', '[': ']' };
const escaped = (text: string) => text.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));

/** The value that begins with the bracket at `start`; undefined where it is none. */
function valueAt(text: string, start: number): Found | undefined {
  /** What is open, by its closing bracket. */
  const open: string[] = [];
  let json = '';
  let isCommaDue = false;
  /** How much of the JSON could be closed, and by what, if the answer ended there: no list is open but perhaps the innermost, so no entry is half. */
  let whole: { length: number; closing: string } | undefined;
  const markWhole = () => {
    if (!open.slice(0, -1).includes(']')) whole = { length: json.length, closing: open.toReversed().join('') };
  };
  const add = (piece: string) => {
    json += isCommaDue ? `,${piece}` : piece;
    isCommaDue = false;
  };
  for (let at = start; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '"') {
      const end = endOfString(text, at);
      if (end === undefined) break;
      add(escaped(text.slice(at, end)));
      at = end - 1;
    } else if (character === '{' || character === '[') {
      add(character);
      open.push(closers[character] as string);
      if (open.length > MAX_DEPTH) return undefined;
      if (open.length > 1) markWhole();
    } else if (character === '}' || character === ']') {
      if (open.pop() !== character) return undefined;
      json += character;
      isCommaDue = false;
      if (open.length === 0) return parsed(json, at + 1);
      markWhole();
    } else if (character === ',') {
      if (isCommaDue) return undefined;
      markWhole();
      isCommaDue = true;
    } else if (character.trim() === '') {
      json += ' ';
    } else {
      add(character);
    }
  }
  return whole === undefined ? undefined : parsed(json.slice(0, whole.length) + whole.closing, text.length);
}

/** Just behind the quote that ends the string that begins at `start`; undefined where none does. */
function endOfString(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at + 1;
  }
  return undefined;
}

function parsed(json: string, end: number): Found | undefined {
  try {
    return { value: JSON.parse(json) as unknown, end };
  } catch {
    return undefined;
  }
}
