import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sentiments } from '../../../functions/shared/claim.ts';
import { MAX_CLAIMS, MAX_STATEMENT_CHARACTERS, MAX_THEME_CHARACTERS } from '../../../functions/shared/limits.ts';
import { checkClaims } from '../../../functions/summarize-batch/claims.ts';

const rows = [
  { rowNumber: 40, id: 'a', text: 'The zip broke on day two.' },
  { rowNumber: 42, id: 'b', text: 'Zip is fine, colour faded. See www.example.com/zip for pictures.' },
  { rowNumber: 43, id: 'c', text: 'Lovely colour! 🦊' },
];
const claim = (changes: Record<string, unknown> = {}) => ({
  theme: 'Zips',
  sentiment: 'negative',
  statement: 'Zips break.',
  evidence: [{ row: 1, quote: 'The zip broke' }],
  ...changes,
});
const check = (...claims: unknown[]) => checkClaims(claims, rows);
const evidenceOf = (evidence: unknown) => check(claim({ evidence })).claims[0]?.evidence;

test('a claim stands with the rows that it cites, by their numbers in the upload and their ids', () => {
  expect(
    check(
      claim({
        evidence: [
          { row: 1, quote: 'broke on day two' },
          { row: 2, quote: '' },
        ],
      }),
    ),
  ).toEqual({
    claims: [
      {
        ...{ theme: 'Zips', sentiment: 'negative', statement: 'Zips break.' },
        evidence: [
          { rowNumber: 40, id: 'a', quote: 'broke on day two' },
          { rowNumber: 42, id: 'b', quote: '' },
        ],
      },
    ],
    counts: { claims: 1, claimsDropped: 0, citations: 2, citationsDropped: 0 },
  });
});

describe('a citation is dropped', () => {
  const kept = [{ rowNumber: 43, id: 'c', quote: '' }];
  test.each([
    ['of row 0', { row: 0, quote: '' }],
    ['of a row after the last', { row: 4, quote: '' }],
    ['of a row number of the upload', { row: 42, quote: '' }],
    ['of a negative row', { row: -1, quote: '' }],
    ['of half a row', { row: 1.5, quote: '' }],
    ['with a quote of another row', { row: 1, quote: 'Lovely colour!' }],
    ['with a quote in other letters', { row: 1, quote: 'the zip broke' }],
    ['with a quote that leaves words out', { row: 1, quote: 'The zip broke two.' }],
    ['with a quote that is no text', { row: 1, quote: 7 }],
    ['with half a character', { row: 3, quote: '\ud83e' }],
    ['that is a word', 'first'],
    ['that is nothing', null],
    ['that is a property of lists', { row: 'length', quote: '' }],
  ])('%s', (_, citation) => {
    const { claims, counts } = check(claim({ evidence: [citation, { row: 3, quote: '' }] }));
    expect(claims[0]?.evidence).toEqual(kept);
    expect(counts).toEqual({ claims: 1, claimsDropped: 0, citations: 2, citationsDropped: 1 });
    expect(check(claim({ evidence: [citation] }))).toEqual({
      claims: [],
      counts: { claims: 1, claimsDropped: 1, citations: 1, citationsDropped: 1 },
    });
  });
});

test('a row that is cited again counts once, by its first true quote', () => {
  const evidence = [
    { row: 1, quote: 'not there' },
    { row: 1, quote: 'day two' },
    { row: 1, quote: 'The zip' },
  ];
  expect(check(claim({ evidence }))).toMatchObject({
    claims: [{ evidence: [{ rowNumber: 40, quote: 'day two' }] }],
    counts: { citations: 3, citationsDropped: 2 },
  });
});

test('servers without the schema may write a row as a bare number or in digits, and leave quotes out', () => {
  expect(evidenceOf([1, '2', { row: '3' }])?.map(({ rowNumber }) => rowNumber)).toEqual([40, 42, 43]);
  expect(evidenceOf([{ row: 3, quote: null }])).toEqual([{ rowNumber: 43, id: 'c', quote: '' }]);
  expect(check(claim({ sentiment: ' Negative ' })).claims[0]?.sentiment).toBe('negative');
});

describe('a claim is dropped with all that it cites', () => {
  test.each([
    ['without a theme', claim({ theme: '  ' })],
    ['without a statement', claim({ statement: '' })],
    ['with a theme that is too long', claim({ theme: 'x'.repeat(MAX_THEME_CHARACTERS + 1) })],
    ['with a statement that is too long', claim({ statement: 'x'.repeat(MAX_STATEMENT_CHARACTERS + 1) })],
    ['with a feeling of another kind', claim({ sentiment: 'furious' })],
    ['with an address that no row holds', claim({ statement: 'Write to help@evil.example.' })],
    ['with an address that only a row holds which it does not cite', claim({ statement: 'See www.example.com/zip.' })],
    ['with a theme that is an address', claim({ theme: 'https://evil.example' })],
    ['with evidence that is no list', claim({ evidence: { row: 1, quote: '' } })],
    ['that is no object', 'Zips break.'],
    ['that is null', null],
  ])('%s', (_, claimed) => {
    const { claims, counts } = check(claimed, claim());
    expect(claims).toHaveLength(1);
    expect(counts).toMatchObject({ claims: 2, claimsDropped: 1 });
    expect(counts.citations - counts.citationsDropped).toBe(1);
  });
});

test('an address that a cited row holds may stand in a claim', () => {
  expect(check(claim({ statement: 'Pictures are at www.example.com/zip.', evidence: [{ row: 2, quote: '' }] })).claims).toHaveLength(1);
});

test('names and statements are put on one line', () => {
  expect(check(claim({ theme: ' Zips\n\u0007and  buttons ', statement: 'They\tbreak.' })).claims[0]).toMatchObject({
    theme: 'Zips and buttons',
    statement: 'They break.',
  });
});

test('claims beyond the limit are dropped and counted', () => {
  expect(checkClaims(Array(MAX_CLAIMS + 3).fill(claim()), rows)).toMatchObject({
    claims: { length: MAX_CLAIMS },
    counts: { claims: MAX_CLAIMS + 3, claimsDropped: 3, citations: MAX_CLAIMS + 3, citationsDropped: 3 },
  });
});

test('an answer without themes claims nothing', () => {
  for (const none of [undefined, null, {}, 'themes', 7])
    expect(checkClaims(none, rows)).toMatchObject({ claims: [], counts: { claims: 0 } });
});

const texts = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 8 });
const citation = fc.record({ row: fc.integer({ min: -2, max: 11 }), quote: fc.string({ unit: 'grapheme', maxLength: 4 }) });
const claimed = fc.record({
  theme: fc.string({ maxLength: 10 }),
  sentiment: fc.constantFrom(...sentiments),
  statement: fc.string({ maxLength: 10 }),
  evidence: fc.array(citation, { maxLength: 12 }),
});

test('property: whatever is claimed, only true citations of rows of the batch stand, each once, and every citation is accounted for', () => {
  fc.assert(
    fc.property(texts, fc.array(fc.oneof({ weight: 9, arbitrary: claimed }, fc.jsonValue()), { maxLength: 10 }), (all, answers) => {
      const batch = all.map((text, index) => ({ rowNumber: 7 + 2 * index, id: `id ${index}`, text }));
      const { claims, counts } = checkClaims(answers, batch);
      for (const { theme, statement, evidence } of claims) {
        expect(theme).not.toBe('');
        expect(statement).not.toBe('');
        expect(evidence.length).toBeGreaterThan(0);
        expect(new Set(evidence.map(({ rowNumber }) => rowNumber)).size).toBe(evidence.length);
        for (const { rowNumber, id, quote } of evidence) {
          const row = batch.find((one) => one.rowNumber === rowNumber);
          expect(row?.id).toBe(id);
          expect(row?.text).toContain(quote);
        }
      }
      expect(counts.claims - counts.claimsDropped).toBe(claims.length);
      expect(counts.citations - counts.citationsDropped).toBe(claims.reduce((sum, { evidence }) => sum + evidence.length, 0));
      expect(Math.min(counts.claimsDropped, counts.citationsDropped)).toBeGreaterThanOrEqual(0);
    }),
  );
});

test('property: what is true stands, whatever false citations stand around it', () => {
  const case_ = texts.chain((all) =>
    fc.record({
      all: fc.constant(all),
      cited: fc.uniqueArray(fc.record({ row: fc.integer({ min: 1, max: all.length }), from: fc.nat(29), length: fc.nat(9) }), {
        minLength: 1,
        selector: ({ row }) => row,
      }),
      foreign: fc.array(fc.record({ row: fc.integer({ min: all.length + 1, max: 99 }), quote: fc.constant('') })),
    }),
  );
  fc.assert(
    fc.property(case_, ({ all, cited, foreign }) => {
      const batch = all.map((text, index) => ({ rowNumber: index, id: `${index}`, text }));
      const truth = cited.map(({ row, from, length }) => ({ row, quote: [...all[row - 1]!].slice(from, from + length).join('') }));
      const { claims } = checkClaims([claim({ evidence: [...foreign, ...truth, ...foreign] })], batch);
      expect(claims[0]?.evidence).toEqual(truth.map(({ row, quote }) => ({ rowNumber: row - 1, id: `${row - 1}`, quote: quote.trim() })));
    }),
  );
});
