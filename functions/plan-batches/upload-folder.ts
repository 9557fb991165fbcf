import type { SourcePart } from '../shared/contract.ts';
import { InvalidUploadError } from '../shared/errors.ts';
import { MAX_FOLDER_PARTS } from '../shared/limits.ts';
import type { DecidedColumns } from './columns.ts';
import type { PartOfFolder } from './open-upload.ts';
import type { Position, Upload, UploadRow } from './upload.ts';

/**
 * One part file.
 * @param file its index in the folder.
 */
export type OpenPart = (file: number, part: SourcePart, known: PartOfFolder) => Promise<Upload>;

/** Why a part file has no rows: it is empty, or writers gave it a header and nothing else. */
const emptyCodes: readonly (string | undefined)[] = ['empty_file', 'no_rows'];

/** How Hive and Spark name the partition of rows that have no value. */
const NO_VALUE = '__HIVE_DEFAULT_PARTITION__';

/** Columns that stand in the names of folders only: `dt=2026-01-01/country=de/part-0.csv`. */
function partitionOf(key: string): Record<string, string | null> {
  const columns = key
    .split('/')
    .slice(0, -1)
    .filter((folder) => folder.indexOf('=') > 0)
    .map((folder): [string, string | null] => {
      const [name, value] = [folder.slice(0, folder.indexOf('=')), folder.slice(folder.indexOf('=') + 1)].map(unescaped) as [
        string,
        string,
      ];
      return [name, value === NO_VALUE ? null : value];
    });
  return Object.fromEntries(columns);
}

/** Hive escapes what a path cannot hold as URLs do. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The last name of a folder's key, with its slash. */
const folderName = (key: string) => key.slice(key.lastIndexOf('/', key.length - 2) + 1);

/** What was said of a file, said of a part of the folder; other errors as they are. */
function ofPart(folder: string, part: SourcePart, error: unknown): unknown {
  if (!(error instanceof InvalidUploadError)) return error;
  const { message, code, cause } = error;
  const fileName = part.key.slice(part.key.lastIndexOf('/') + 1);
  const sentence = message.startsWith(fileName) ? message.slice(fileName.length) : `: ${message}`;
  return new InvalidUploadError(`${folderName(folder)}${part.key}${sentence}`, { ...(code !== undefined && { code }), cause });
}

/** @throws InvalidUploadError always: no part has rows. */
function refuseFolder(name: string, parts: number, linesAlone: number): never {
  const found = parts === 0 ? 'no part files' : 'no rows in its part files';
  const remedy =
    linesAlone > 1
      ? 'if the one line that they have is a row and not column names, set textColumn (--text-column) to the place of the text: column_1, column_2 ...'
      : 'write the part files first, and _SUCCESS after the last of them.';
  throw new InvalidUploadError(`${name} has ${found}; ${remedy}`, { code: 'empty_folder' });
}

/**
 * The rows of a folder of part files as one upload: the parts in order, rows numbered through. Text and id column are those of the first
 * part that has rows.
 * @param folder its key, which ends in `/`.
 * @throws InvalidUploadError: no part has rows, the first that has some is no source of rows, or (while its turn comes) another part is none
 * or lacks a column.
 */
export async function openFolder(folder: string, parts: readonly SourcePart[], openPart: OpenPart): Promise<Upload> {
  const name = folderName(folder);
  if (parts.length > MAX_FOLDER_PARTS) {
    throw new InvalidUploadError(
      `${name} holds more than ${MAX_FOLDER_PARTS} part files; write fewer and larger ones (in Spark: coalesce) and drop those.`,
      { code: 'too_many_parts' },
    );
  }

  let linesAlone = 0;
  const open = async (file: number, part: SourcePart, decided?: DecidedColumns): Promise<Upload | undefined> => {
    try {
      return await openPart(file, part, { decided, constants: partitionOf(part.key) });
    } catch (error) {
      if (error instanceof InvalidUploadError && emptyCodes.includes(error.code)) {
        if (error.code === 'no_rows') linesAlone += 1;
        return undefined;
      }
      throw ofPart(folder, part, error);
    }
  };

  let first: Upload | undefined;
  let firstFile = 0;
  for (const [file, part] of parts.entries()) {
    first = await open(file, part);
    if (!first) continue;
    firstFile = file;
    break;
  }
  if (!first) refuseFolder(name, parts.length, linesAlone);
  const { textColumn, idColumn, groupColumns, delimiter, isHeaderless, columns: names } = first;
  const decided: DecidedColumns = { textColumn, idColumn, groupColumns, csv: { delimiter, isHeaderless, names } };
  // The one line of a part before the first with rows was taken for a header; if there are none, it is a row.
  let { start } = first;
  for (const [file, part] of parts.slice(0, firstFile).entries()) {
    const earlier = await open(file, part, decided);
    if (!earlier) continue;
    start = earlier.start;
    firstFile = file;
    break;
  }
  const partitionColumns = Object.keys(partitionOf(parts[firstFile]?.key ?? ''));

  async function* rows(from: Position): AsyncGenerator<readonly UploadRow[]> {
    const fromFile = from.file ?? firstFile;
    let { rowNumber } = from;
    for (const [file, part] of parts.entries()) {
      if (file < fromFile) continue;
      const upload = await open(file, part, decided);
      if (!upload) continue;
      // In place: copies of all rows took a tenth of the planning's time.
      const place = (row: UploadRow): void => {
        row.part = part.key;
        row.next = { byte: row.next.byte, line: row.next.line, rowNumber: row.next.rowNumber, file };
      };
      try {
        for await (const group of upload.rows(file === from.file ? from : { ...upload.start, rowNumber })) {
          group.forEach(place);
          yield group;
          rowNumber = group.at(-1)?.next.rowNumber ?? rowNumber;
        }
      } catch (error) {
        throw ofPart(folder, part, error);
      }
    }
  }

  return {
    ...first,
    columns: [...first.columns, ...partitionColumns.filter((column) => !first.columns.includes(column))],
    notes: [
      `The upload is a folder of ${parts.length === 1 ? 'one part file' : `${parts.length.toLocaleString('en')} part files`}.`,
      ...first.notes,
    ],
    start: { ...start, file: firstFile },
    rows,
  };
}
