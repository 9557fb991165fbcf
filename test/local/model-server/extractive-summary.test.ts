import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { estimateTokens } from '../../../local/model-server/completion.ts';
import { extractiveSummary, offlinePrefix } from '../../../local/model-server/extractive-summary.ts';

const batteryRows = [
  'The battery lasts all day long. My cousin visited yesterday from Utrecht.',
  'I like purple things quite a lot. Battery life is great, it easily lasts two days.',
  'The battery lasts a whole weekend of hiking.',
  'Great battery! Somebody rang at the door meanwhile.',
  'After three weeks the battery still lasts all day.',
  'Nothing beats a battery that lasts all day.',
];
const deliveryRows = ['Delivery took far too many weeks.', 'Waited many weeks, delivery is terribly slow.'];

const bodyOf = (summary: string): string => {
  expect(summary.startsWith(offlinePrefix)).toBe(true);
  return summary.slice(offlinePrefix.length);
};

describe('what is chosen', () => {
  test('what most rows say comes first, remarks of one row alone do not come at all', () => {
    const body = bodyOf(extractiveSummary(batteryRows));
    expect(body).toMatch(/^[^.]*battery[^.]*lasts/i);
    expect(body).not.toMatch(/Utrecht|purple|door/);
  });

  test('what a few rows say is there too, after what most say', () => {
    const body = bodyOf(extractiveSummary([...batteryRows, ...deliveryRows]));
    expect(body).toMatch(/battery.*delivery/is);
  });

  test('it consists of sentences of the rows, as written', () => {
    const body = bodyOf(extractiveSummary([...batteryRows, ...deliveryRows]));
    const sentences = body.split(/(?<=[.!?]) /);
    expect(sentences.length).toBeGreaterThanOrEqual(2);
    expect(sentences.length).toBeLessThanOrEqual(4);
    for (const sentence of sentences) expect([...batteryRows, ...deliveryRows].join(' ')).toContain(sentence);
  });

  test('a sentence that many rows repeat is quoted once', () => {
    const rows = Array.from({ length: 20 }, () => 'The lid leaks when the bottle falls over.');
    expect(bodyOf(extractiveSummary(rows))).toBe('The lid leaks when the bottle falls over.');
  });

  test('one row is summarized by the sentences that share most with its others', () => {
    const row =
      'The kettle boils fast and pours well. I bought it on a rainy Thursday in Leeds. The kettle pours without dripping. It boils water so fast.';
    const body = bodyOf(extractiveSummary([row]));
    expect(body).toMatch(/^The kettle boils fast and pours well\./);
    expect(body).not.toContain('Thursday');
  });

  test('very short sentences are taken only where there is nothing else', () => {
    expect(bodyOf(extractiveSummary(['Kettle good. The kettle does what it should do.', 'Kettle good.']))).toBe(
      'The kettle does what it should do.',
    );
    expect(bodyOf(extractiveSummary(['Good kettle', 'Bad toaster']))).toBe('Good kettle. Bad toaster');
  });

  test('sentences that go on in lower case are told apart', () => {
    const rows = ['the lid fits very well. my aunt has a parrot', 'the lid fits so well', 'lid fits very well'];
    expect(bodyOf(extractiveSummary(rows))).not.toContain('parrot');
  });

  test('a summary of summaries repeats no prefix', () => {
    const parts = [extractiveSummary(batteryRows), extractiveSummary(deliveryRows)];
    expect(bodyOf(extractiveSummary(parts))).not.toContain(offlinePrefix.trim());
  });
});

describe('any script', () => {
  test('Japanese has words though it has no spaces', () => {
    const rows = [
      '電池の持ちがとても良いです。昨日は友人と公園へ行きました。',
      '電池の持ちが良くて満足しています。',
      '色は普通です。電池の持ちは素晴らしいと思います。',
    ];
    const body = bodyOf(extractiveSummary(rows));
    expect(body).toMatch(/^[^。]*電池の持ち/);
    expect(body).not.toContain('公園');
  });

  test('case, width and compatibility forms do not make two words of one', () => {
    const rows = ['ＫＥＴＴＬＥ handle melted again today', 'My first umbrella turned inside out', 'Kettle HANDLE melted'];
    expect(bodyOf(extractiveSummary(rows))).toMatch(/^ＫＥＴＴＬＥ handle melted again today/);
  });

  test('texts without words are quoted as they are', () => {
    expect(bodyOf(extractiveSummary(['🍱🍱']))).toBe('🍱🍱');
  });

  test.each([[[]], [['']], [['  ', '\n']]])('%j has no text to quote, and says so', (rows) => {
    expect(bodyOf(extractiveSummary(rows))).toBe('(no text)');
  });
});

describe('limits', () => {
  test('an unbroken run is cut, between characters', () => {
    const body = bodyOf(extractiveSummary(['𠮷'.repeat(34_000)]));
    expect(body).toMatch(/^𠮷+…$/u);
    expect(body.isWellFormed()).toBe(true);
  });

  test('where a sentence does not fit, a shorter one that does is taken', () => {
    const long = `The kettle handle melted ${'and melted on and on '.repeat(8)}`;
    const rows = [long, 'The kettle handle melted again.', 'kettle handle, melted'];
    expect(extractiveSummary(rows, 20)).toBe(`${offlinePrefix}The kettle handle melted again.`);
  });

  test('any rows give the same prefixed, well-formed paragraph within both limits', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 200 }),
      fc
        .array(fc.constantFrom('lid', 'leaks', 'Kettle', 'the', 'の', '電池', 'ok.', '!', '\n', '🍹', "don't"), { maxLength: 60 })
        .map((words) => words.join(' ')),
      fc.constant('a'.repeat(5_000)),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 12 }), fc.integer({ min: 1, max: 300 }), (rows, maxOutputTokens) => {
        const summary = extractiveSummary(rows, maxOutputTokens);
        expect(extractiveSummary([...rows], maxOutputTokens)).toBe(summary);
        expect(summary.length).toBeLessThanOrEqual(700);
        expect(estimateTokens(summary)).toBeLessThanOrEqual(maxOutputTokens);
        expect(summary.isWellFormed()).toBe(true);
        if (maxOutputTokens > 12) expect(summary.startsWith(offlinePrefix)).toBe(true);
      }),
    );
  });
});
