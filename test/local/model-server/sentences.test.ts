import { describe, expect, test } from '@jest/globals';
import { cutCharacters, sentencesOf, shorten } from '../../../local/model-server/sentences.ts';

describe('sentences', () => {
  test('belong to their text, collapse white space and keep the terms that mean something', () => {
    const sentences = sentencesOf(['The lid\n\tleaks. It is the lid!', 'Don’t buy it?']);
    expect(sentences).toEqual([
      { text: 'The lid', row: 0, wordCount: 2, terms: ['lid'] },
      { text: 'leaks.', row: 0, wordCount: 1, terms: ['leaks'] },
      { text: 'It is the lid!', row: 0, wordCount: 4, terms: ['lid'] },
      { text: 'Don’t buy it?', row: 1, wordCount: 3, terms: ['buy'] },
    ]);
  });

  test('of a text that was cut lack the torn one', () => {
    const sentences = sentencesOf([`Whole sentence here. ${'x'.repeat(10_000)}`]);
    expect(sentences.map(({ text }) => text)).toEqual(['Whole sentence here.']);
  });
});

describe('before anything is segmented', () => {
  test('a long run is cut to 2,000 characters', () => {
    expect(shorten(['漢'.repeat(68_000), 'short'])).toEqual([
      { text: '漢'.repeat(2_000), isCut: true },
      { text: 'short', isCut: false },
    ]);
  });

  test('many long texts share 400,000 characters', () => {
    const texts = shorten(Array.from({ length: 1_000 }, () => 'a'.repeat(68_000)));
    expect(texts.reduce((sum, { text }) => sum + text.length, 0)).toBe(400_000);
  });

  test('no cut tears a surrogate pair', () => {
    expect(cutCharacters('a🍱b', 2)).toBe('a');
    expect(cutCharacters('a🍱b', 3)).toBe('a🍱');
    expect(cutCharacters('', 0)).toBe('');
  });
});
