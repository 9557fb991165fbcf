import { MAX_GROUP_KEY_CHARACTERS, RAW_CHARACTERS } from '../shared/limits.ts';
import type { RedactionKind } from '../shared/setting-definitions.ts';
import { groupKeyOf } from './group-columns.ts';
import { isExactNumber } from './records/exact-json.ts';
import { type Fields, setOwn, type UploadRecord } from './records/record-format.ts';
import { noRedactions, type RedactionCounts, type Redactor, redactorOf } from './redaction.ts';
import type { UploadRow } from './upload.ts';
import { firstCharacters, isBlank } from './upload-text.ts';

export interface RowShape {
  textColumn: string;
  idColumn: string | null;
  /** null: rows are not grouped. */
  groupColumns: readonly string[] | null;
  /** Attributes that all rows have, unless they have a column of that name. */
  constants: Readonly<Record<string, unknown>>;
  /** Characters (Unicode code points) after which a text is cut. */
  maxRowCharacters: number;
  /** What is replaced in text, id, attributes and rejected records. @default nothing */
  redact?: readonly RedactionKind[];
}

/** Nobody's redaction: a row as it is written. */
const asWritten: Redactor = (text) => text;

/** What makes a row of a record. */
export function rowMaker({
  textColumn,
  idColumn,
  groupColumns,
  constants,
  maxRowCharacters,
  redact = [],
}: RowShape): (record: UploadRecord) => UploadRow {
  const named = new Set(idColumn === null ? [textColumn] : [textColumn, idColumn]);
  const hasConstants = Object.keys(constants).length > 0;
  const redactor = redactorOf(redact);
  /** A constant stands for a column that a record has not. */
  const groupValue = (fields: Fields, column: string): string => {
    const value = fields.text(column);
    if (value !== '' || !Object.hasOwn(constants, column) || fields.names().includes(column)) return value;
    return String(constants[column] ?? '');
  };
  const rowOf = (record: UploadRecord, counts: RedactionCounts, clean: Redactor): UploadRow => {
    const { next } = record;
    const { rowNumber, line } = record.position;
    const rejected = (reason: Extract<UploadRow, { raw: string }>['reason']): UploadRow => {
      const raw = record.raw();
      return { rowNumber, line, next, reason, raw: redactor ? redactedRaw(raw, counts, redactor) : raw };
    };
    if (record.reason !== null) return rejected(record.reason);
    const written = record.fields.text(textColumn);
    const text = redactor ? cutClean(written, maxRowCharacters, counts, redactor) : firstCharacters(written, maxRowCharacters);
    if (isBlank(text)) return rejected('empty_text');
    const writtenId = idColumn === null ? '' : record.fields.text(idColumn);
    const cleanId = clean(writtenId, counts);
    // With the row's number, as rows whose ids are addresses would all have the same one.
    const namedId = cleanId === writtenId ? writtenId : `${cleanId}#${rowNumber + 1}`;
    const id = isBlank(namedId) ? String(rowNumber + 1) : namedId;
    // JSON can escape half a surrogate pair, which no UTF-8 file can hold: it would turn into U+FFFD on the way.
    if (!text.isWellFormed() || !id.isWellFormed()) return rejected('undecodable_bytes');
    // What is redacted in a group's value is counted where it stands among the attributes.
    const groupValueOf = (column: string) => clean(groupValue(record.fields, column), noRedactions());
    const groupKey = groupColumns && groupKeyOf(groupColumns.map(groupValueOf), isBlank);
    if (groupKey !== null && firstCharacters(groupKey, MAX_GROUP_KEY_CHARACTERS) !== groupKey) return rejected('group_key_too_long');
    if (groupKey !== null && !groupKey.isWellFormed()) return rejected('undecodable_bytes');
    const truncated = firstCharacters(written, maxRowCharacters).length < written.length;
    const others = record.fields.except(named);
    const all = hasConstants ? { ...constants, ...others } : others;
    const attributes = JSON.stringify(redactor ? redactedValue(all, counts, redactor) : all);
    return { rowNumber, line, next, reason: null, id, text, truncated, groupKey, attributes };
  };
  if (!redactor) return (record) => rowOf(record, noRedactions(), asWritten);
  return (record) => {
    const redacted = noRedactions();
    const row = rowOf(record, redacted, redactor);
    return Object.values(redacted).some((count) => count > 0) ? { ...row, redacted } : row;
  };
}

/** A value of JSON whose texts, names and numbers are redacted; a number that is replaced is a text then. */
function redactedValue(value: unknown, counts: RedactionCounts, redactor: Redactor): unknown {
  if (typeof value === 'string') return redactor(value, counts);
  if (typeof value === 'number' || typeof value === 'bigint' || isExactNumber(value)) {
    const written = isExactNumber(value) ? JSON.stringify(value) : String(value);
    const clean = redactor(written, counts);
    return clean === written ? value : clean;
  }
  if (Array.isArray(value)) return value.map((item) => redactedValue(item, counts, redactor));
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  const clean: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    const cleanName = redactor(name, counts);
    // Two names may turn into one.
    const free = Object.hasOwn(clean, cleanName) ? `${cleanName}#${Object.keys(clean).length + 1}` : cleanName;
    setOwn(clean, free, redactedValue(item, counts, redactor));
  }
  return clean;
}

/** Longest of what is redacted that has spaces in it: an account number in groups. */
const SPACED_CHARACTERS = 48;
/** Longest of what has none: a mail address. */
const UNBROKEN_CHARACTERS = 320;

/** A redacted text that was cut: what stands last may be the first half of something, and goes. */
function withoutHalves(clean: string): string {
  let end = Math.max(0, clean.length - SPACED_CHARACTERS);
  for (const least = end - UNBROKEN_CHARACTERS; end > Math.max(0, least) && /\S/.test(clean[end - 1] as string); end--);
  return clean.slice(0, end);
}

/** A rejected record, which may have been capped. */
function redactedRaw(raw: string, counts: RedactionCounts, redactor: Redactor): string {
  const clean = redactor(raw, counts);
  return firstCharacters(raw, RAW_CHARACTERS - 1).length < raw.length ? withoutHalves(clean) : clean;
}

/** The first characters of a text, redacted. It is looked at only a little further than it may be shown, whatever its length. */
function cutClean(written: string, maxRowCharacters: number, counts: RedactionCounts, redactor: Redactor): string {
  const first = firstCharacters(written, maxRowCharacters + SPACED_CHARACTERS + UNBROKEN_CHARACTERS);
  const clean = redactor(first, counts);
  return firstCharacters(first.length < written.length ? withoutHalves(clean) : clean, maxRowCharacters);
}
