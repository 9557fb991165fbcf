import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { InvalidUploadError } from '../../../functions/shared/errors.ts';
import type { Settings } from '../../../functions/shared/settings.ts';
import { openBytes, rowsOf } from './upload-source.ts';

/** Every file of the folder has beside it what it must be read as: the upload and its rows, or why it is refused. */
const folder = new URL('../../fixtures/uploads/', import.meta.url);
const expectedEnding = '.expected.json';
const names = readdirSync(folder).filter((name) => !name.endsWith(expectedEnding));

interface Expected {
  settings?: Partial<Settings>;
  refusal?: { code: string; sentence: string };
}

/** What stands beside a file; the attributes of its rows as text, for their numbers must come out as written. */
const expectedOf = (name: string): Expected =>
  JSON.parse(
    readFileSync(new URL(name + expectedEnding, folder), 'utf8').replace(
      /(?<="attributes":)\{.*\}(?=(?:,"truncated":true)?(?:,"groupKey":.*)?\},?$)/gm,
      (attributes: string) => JSON.stringify(attributes),
    ),
  );

async function readingOf(name: string, settings: Partial<Settings> = {}) {
  const upload = await openBytes(`shop/${name}`, readFileSync(new URL(name, folder)), settings);
  const { format, compression, encoding, delimiter, textColumn, idColumn, columns, notes } = upload;
  const rows = (await rowsOf(upload)).map(({ next: _next, ...row }) => {
    if (row.reason !== null) return row;
    const { reason: _reason, truncated, groupKey, ...good } = row;
    return { ...good, ...(truncated && { truncated }), ...(groupKey !== null && { groupKey }) };
  });
  // What is usual is left out: most files are plain, in UTF-8, and their fields stand between commas.
  return {
    format,
    ...(compression && { compression }),
    ...(encoding !== 'utf-8' && { encoding }),
    ...(delimiter && delimiter !== ',' && { delimiter }),
    ...{ textColumn, idColumn, columns, notes, rows },
  };
}

describe('an upload is read as the file beside it says', () => {
  test('the folder holds the fixtures', () => expect(names.length).toBeGreaterThan(130));

  test.each(names)('%s', async (name) => {
    const { settings, refusal, ...reading } = expectedOf(name);
    if (refusal) {
      const error = await readingOf(name, settings).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(InvalidUploadError);
      expect({ code: (error as InvalidUploadError).code, sentence: (error as InvalidUploadError).message }).toEqual(refusal);
    } else {
      expect(await readingOf(name, settings)).toStrictEqual(reading);
    }
  });
});
