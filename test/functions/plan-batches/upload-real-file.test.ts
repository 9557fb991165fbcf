import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { openBytes, rowsOf } from './upload-source.ts';

const file = new URL('../../../../shared/data/clothing-reviews-1000.csv', import.meta.url);
const isThere = existsSync(file);
if (!isThere) console.warn('skipped: ../shared/data/clothing-reviews-1000.csv is not there');

(isThere ? describe : describe.skip)('1,000 real reviews with an unnamed first column', () => {
  test.each([
    ['that the setting names', 'Review Text'],
    ['found by its name', null],
  ])('with the text column %s', async (_how, textColumn) => {
    const upload = await openBytes('reviews/clothing-reviews-1000.csv', readFileSync(file), { textColumn });
    expect(upload).toMatchObject({ format: 'csv', textColumn: 'Review Text', idColumn: null, notes: [] });
    expect(upload.columns.slice(0, 3)).toEqual(['column_1', 'Clothing ID', 'Age']);
    const rows = await rowsOf(upload);
    expect(rows).toHaveLength(1_000);
    expect(rows.filter(({ reason }) => reason === 'empty_text')).toHaveLength(42);
    expect(rows.filter(({ reason }) => reason === null)).toHaveLength(958);
    expect(rows[1]).toMatchObject({
      id: '2',
      text: expect.stringContaining(`am 5'8".  i love the length`),
      attributes: expect.stringMatching(/^\{"column_1":"1","Clothing ID":"1080",.*"Rating":"5",.*"Class Name":"Dresses"\}$/),
    });
  });
});
