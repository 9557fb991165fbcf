import { MAX_GROUP_KEY_CHARACTERS } from '../shared/limits.ts';
import { groupKeyOf } from './group-columns.ts';
import type { Fields, UploadRecord } from './records/record-format.ts';
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
}

/** What makes a row of a record. */
export function rowMaker({
  textColumn,
  idColumn,
  groupColumns,
  constants,
  maxRowCharacters,
}: RowShape): (record: UploadRecord) => UploadRow {
  const named = new Set(idColumn === null ? [textColumn] : [textColumn, idColumn]);
  const hasConstants = Object.keys(constants).length > 0;
  /** A constant stands for a column that a record has not. */
  const groupValue = (fields: Fields, column: string): string => {
    const value = fields.text(column);
    if (value !== '' || !Object.hasOwn(constants, column) || fields.names().includes(column)) return value;
    return String(constants[column] ?? '');
  };
  return (record) => {
    const { next } = record;
    const { rowNumber, line } = record.position;
    if (record.reason !== null) return { rowNumber, line, next, reason: record.reason, raw: record.raw() };
    const written = record.fields.text(textColumn);
    const text = firstCharacters(written, maxRowCharacters);
    if (isBlank(text)) return { rowNumber, line, next, reason: 'empty_text', raw: record.raw() };
    const writtenId = idColumn === null ? '' : record.fields.text(idColumn);
    const id = isBlank(writtenId) ? String(rowNumber + 1) : writtenId;
    // JSON can escape half a surrogate pair, which no UTF-8 file can hold: it would turn into U+FFFD on the way.
    if (!text.isWellFormed() || !id.isWellFormed()) return { rowNumber, line, next, reason: 'undecodable_bytes', raw: record.raw() };
    const groupKey =
      groupColumns &&
      groupKeyOf(
        groupColumns.map((column) => groupValue(record.fields, column)),
        isBlank,
      );
    if (groupKey !== null && firstCharacters(groupKey, MAX_GROUP_KEY_CHARACTERS) !== groupKey)
      return { rowNumber, line, next, reason: 'group_key_too_long', raw: record.raw() };
    if (groupKey !== null && !groupKey.isWellFormed()) return { rowNumber, line, next, reason: 'undecodable_bytes', raw: record.raw() };
    const truncated = text.length < written.length;
    const others = record.fields.except(named);
    const attributes = JSON.stringify(hasConstants ? { ...constants, ...others } : others);
    return { rowNumber, line, next, reason: null, id, text, truncated, groupKey, attributes };
  };
}
