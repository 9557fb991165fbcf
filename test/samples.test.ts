import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';

const file = readFileSync(new URL('../samples/reviews.csv', import.meta.url));
const rows = parse(file, { columns: true }) as Record<string, string>[];
const texts = rows.map(({ review }) => review!).filter(Boolean);

test('the sample has 365 rows with the columns that its README names', () => {
  expect(rows).toHaveLength(365);
  for (const row of rows) {
    expect(Object.keys(row)).toEqual(['review_id', 'product', 'rating', 'review_date', 'review']);
    expect(row.review_id).toMatch(/^R-\d{4}$/);
    expect(row.product).not.toBe('');
    expect(row.rating).toMatch(/^[1-5]$/);
    expect(new Date(row.review_date!).toISOString().slice(0, 10)).toBe(row.review_date);
  }
  expect(new Set(rows.map(({ review_id }) => review_id)).size).toBe(365);
  expect(new Set(rows.map(({ product }) => product)).size).toBe(10);
});

test('the reviews are real texts: three empty, no two equal, more than 80 characters on average', () => {
  expect(texts).toHaveLength(362);
  expect(new Set(texts.map((text) => text.trim().toLowerCase())).size).toBe(texts.length);
  expect(texts.join('').length / texts.length).toBeGreaterThan(80);
});

test('the file is UTF-8 without a byte order mark, lines end in LF, and the hard cases are in it', () => {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(file);
  expect(text.startsWith('review_id,')).toBe(true);
  expect(text).not.toContain('\r');
  expect(text.endsWith('\n')).toBe(true);
  for (const pattern of [/\n/, /"/, /<script>/, /ignore previous instructions/i, /[ぁ-ん]/, /\p{Emoji_Presentation}/u]) {
    expect(texts.some((review) => pattern.test(review))).toBe(true);
  }
});
