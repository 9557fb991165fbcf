import { expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { CsvSplitter } from '../../../functions/plan-batches/records/csv-fields.ts';
import { csvFraming } from '../../../functions/plan-batches/records/csv-framing.ts';
import { PlainFields } from '../../../functions/plan-batches/records/plain-fields.ts';
import { frameStretch } from '../../../functions/plan-batches/records/record-frames.ts';
import type { Delimiter } from '../../../functions/plan-batches/upload.ts';

const LINE_FEED = 10;
const fragments = ['"', '""', '","', '"\n', ',', ';', '\n', '\r\n', '\r', 'a', 'b c', ' ', '\t', '\0', 'é', '😀', '\ufeff'];
const text = fc.array(fc.constantFrom(...fragments), { maxLength: 30 }).map((parts) => parts.join(''));
const delimiter = fc.constantFrom<Delimiter>(',', ';', '\t', '|');

test('every record is split as csv-parse splits it, written plainly or not, in ASCII or not', () => {
  fc.assert(
    fc.property(text, delimiter, fc.boolean(), (written, separator, isAscii) => {
      const bytes = Buffer.from(isAscii ? written.replace(/[^\0-\x7f]/gu, 'x') : written);
      const { frames } = frameStretch(
        { bytes, startByte: 0, isLast: true },
        { byte: 0, line: 1, rowNumber: 0 },
        csvFraming(separator, LINE_FEED),
      );
      const options = { delimiter: separator, record_delimiter: '\n', relax_quotes: true, relax_column_count: true };
      const expected = frames.map(({ start, end, rejection }) => rejection?.reason ?? parse(bytes.subarray(start, end), options)[0]);
      expect(new CsvSplitter(separator, LINE_FEED).split({ bytes, frames })).toEqual(expected);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['a,b,c', ['a', 'b', 'c']],
  ['"a","b"', ['a', 'b']],
  ['"say ""hello"", twice",', ['say "hello", twice', '']],
  [',"",', ['', '', '']],
  ['5\'8" tall,x', ['5\'8" tall', 'x']],
  ['"a" b,c', null],
  ['"a,b', null],
  ['"a""', null],
])('%s is %j, null where csv-parse has to say it', (record, values) => {
  expect(new PlainFields(`before\n${record}\nafter,`, ',').of(7, 7 + record.length)).toEqual(values);
});
