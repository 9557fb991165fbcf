import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { noRedactions, redactionNote, redactorOf } from '../../../functions/plan-batches/redaction.ts';
import { type RedactionKind, redactionKinds } from '../../../functions/shared/setting-definitions.ts';

const redacted = (text: string, kinds: readonly RedactionKind[] = redactionKinds) => redactorOf(kinds)?.(text, noRedactions());

describe('what is replaced', () => {
  test.each([
    ['write to john.doe+shop@mail.example.co.uk.', 'write to [email].'],
    ['(jane@x.io), "müller@straße.de"', '([email]), "[email]"'],
    ['mailto:x@y.io?subject=a', 'mailto:[email]?subject=a'],
    ['a.b@x.io,c@y.io', '[email],[email]'],
    ['call +49 30 123456 today', 'call [phone] today'],
    ['0049 (0)30 123456, +1 (212) 555-0123', '[phone], [phone]'],
    ['+7 912 345 67 89, +352 621 123456, +44 (0)20 7946 0958', '[phone], [phone], [phone]'],
    ['(212) 555-0123 or 212.555.0123', '[phone] or [phone]'],
    ['0171 1234567, 030/1234567, 07911 123456', '[phone], [phone], [phone]'],
    ['06 12 34 56 78 and 01712345678', '[phone] and [phone]'],
    ['card 4111 1111 1111 1111 123', 'card [card] 123'],
    ['5500-0000-0000-0004, 378282246310005.', '[card], [card].'],
    ['DE89 3704 0044 0532 0130 00 thanks', '[iban] thanks'],
    ['GB82WEST12345698765432, nl91abna0417164300', '[iban], [iban]'],
    ['phone:0301234567, Tel.:030-1234567, Mobil.0171 2345678', 'phone:[phone], Tel.:[phone], Mobil.[phone]'],
    ['06.12.34.56.78 ou 01.23.45.67.89.', '[phone] ou [phone].'],
    ['4111.1111.1111.1111, 4111 1111  1111 1111', '[card], [card]'],
    // As word processors and web pages write them: no-break spaces, thin ones, no-break hyphens, dashes.
    ['4111\u00a01111\u00a01111\u00a01111, 4111\u20111111\u20111111\u20111111', '[card], [card]'],
    ['DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000, DE89\u202f3704\u202f0044\u202f0532\u202f0130\u202f00', '[iban], [iban]'],
    ['+49\u00a030\u00a01234567, 0049\u202f30\u202f1234567, 0171\u20132345678', '[phone], [phone], [phone]'],
    ['０９０\uff0d１２３４\u2212５６７８, ａ＠ｘ.io', '[phone], [email]'],
    ['(212)\u00a0555\u20110123, 212\u2013555\u20130123', '[phone], [phone]'],
  ])('%s', (text, expected) => expect(redacted(text)).toBe(expected));
});

describe('what is left alone', () => {
  test.each([
    'order 1234567890123456, item 0221-2024-1234, SKU: 0123-4567-89, SKU: 0012345678905',
    'on 2024-11-26, 26.11.2024, 01/02/2024 10:30, 2024-01-02T03:04:05Z',
    'paid 12.99, 1,299.00, 1.299,00 and 12 345 678,90 EUR',
    'ISBN 978-3-16-148410-0 and 0-306-40615-2, EAN 4006381333931, UPC 012345678905',
    '+10000000 points, +1 100 555 0123, +123, +99',
    '@handle, 3 pieces @4.50, a@b, 10/10, 100%, 5 stars, 9-5',
    'at 10:0123456789, 02.03.04.2023, 1.02.03.04.05.06, 2.01.02.03.04.05',
    'version 1.2.3-4567890 at 192.168.100.200:8080',
    'DE12 is a road; 4111 1111 1111 1112 has a wrong digit; DE89 3704 0044 0532 0130 01 too',
  ])('%s', (text) => expect(redacted(text)).toBe(text));
});

test('only the kinds that are asked for are replaced, and each is counted', () => {
  const counts = noRedactions();
  expect(redactorOf(['email', 'card'])!('a@x.io b@x.io +49 30 123456 4111111111111111', counts)).toBe(
    '[email] [email] +49 30 123456 [card]',
  );
  expect(counts).toEqual({ email: 2, phone: 0, card: 1, iban: 0 });
  expect(redactionNote(['card', 'email'], counts)).toEqual([
    'Redacted before anything was staged or sent: 2 mail addresses, 1 card number.',
  ]);
  expect(redactorOf([])).toBeUndefined();
});

const word = fc.stringMatching(/^[a-z]{1,8}$/);
const email = fc.tuple(word, word, fc.constantFrom('com', 'de', 'co.uk')).map(([name, host, end]) => `${name}@${host}.${end}`);
const luhn = (digits: string) => {
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const doubled = Number(digit) * (index % 2 === 0 ? 2 : 1);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return `${digits}${(10 - (sum % 10)) % 10}`;
};
const card = fc.stringMatching(/^4\d{14}$/).map(luhn);
const grouped = (digits: string, separator: string) => digits.replace(/(.{4})(?=.)/g, `$1${separator}`);
const checked = (account: string) => `DE${String(98n - (BigInt(`${account}131400`) % 97n)).padStart(2, '0')}${account}`;
const iban = fc.stringMatching(/^\d{18}$/).map(checked);
const separator = fc.constantFrom('', ' ', '-', '\u00a0', '\u202f', '\u2011');
const secret = fc.oneof(
  email,
  fc.tuple(card, separator).map(([digits, between]) => grouped(digits, between)),
  fc.tuple(iban, separator).map(([account, between]) => grouped(account, between)),
);

test('nothing of a secret is left, whatever words stand around it', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          word,
          secret.map((text) => ({ text })),
        ),
        { maxLength: 12 },
      ),
      (pieces) => {
        const text = pieces.map((piece) => (typeof piece === 'string' ? piece : piece.text)).join(', ');
        const clean = redacted(text)!;
        expect(clean.replaceAll(/\[(?:email|card|iban|phone)\]/g, 'secret')).toBe(
          pieces.map((piece) => (typeof piece === 'string' ? piece : 'secret')).join(', '),
        );
      },
    ),
  );
});

test('what is redacted stays so, and text without digits and at signs stays as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
      const clean = redacted(text)!;
      expect(redacted(clean)).toBe(clean);
      if (!/[@\d\uff20\uff10-\uff19]/.test(text)) expect(clean).toBe(text);
    }),
  );
});

// What grows with the square of the length would not end within the test's time.
test.each(['@', 'a@', 'a@a.', '1 ', '+1', '00', 'DE11 ', '4111 ', '0171 ', '(212) ', '0-1', 'a.', '-'])(
  'hostile text of %j ends',
  (piece) => {
    const text = piece.repeat(400_000 / piece.length);
    expect(redacted(text)).toMatch(/^(?:\[\w+\]|[^[])+$/);
  },
);
