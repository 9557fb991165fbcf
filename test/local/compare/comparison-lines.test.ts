import { describe, expect, test } from '@jest/globals';
import { comparisonLines } from '../../../local/compare/comparison-lines.ts';
import { widthOf } from '../../../local/terminal-text.ts';
import { comparisonOf, wayOf } from './comparison.ts';

const PAGE = 'out/compare/july-1234.html';
const linesOf = (changes: Parameters<typeof comparisonOf>[0], columns: number) => comparisonLines(comparisonOf(changes), PAGE, columns);

test('one column for each way, then what each says', () => {
  expect(
    linesOf({ findings: ['100 rows a call cost 8 % less.'], warnings: ['Careful.'] }, 80).join('\n'),
  ).toBe(`july.csv: a sample of 200 of 2,000 rows, spread over the whole file

batch size          50       100
status        complete  complete
calls                5         3
paid now             5         3
tokens in       10,400    10,200
tokens out         400       200
cost           $0.0120   $0.0110
whole file    ~$0.1200  ~$0.1100
time             2.0 s     1.0 s
call, median    750 ms    750 ms
call, 95 %       2.5 s     2.5 s
rows failed          0         0

whole file: what all 2,000 rows would cost at the price of the sample.

50 rows a call                           100 rows a call

The root of 50.                          The root of 100.

100 rows a call cost 8 % less.
Note: Careful.

page  ${PAGE}`);
});

describe('at whatever width', () => {
  const ways = [1, 2, 4, 5, 8, 10, 20, 25, 40, 50, 100, 200].map((rows) =>
    wayOf(rows, { model: `a-model-with-a-rather-long-name-${rows}`, summary: `漢字 ${'and the lid was fine '.repeat(20)}` }),
  );
  test.each([40, 60, 80, 200])('%i places: no line is wider, and every way is there', (columns) => {
    const lines = linesOf({ ways, varied: ['batch_rows', 'model'] }, columns).slice(0, -1);
    expect(lines.filter((line) => widthOf(line) > columns)).toEqual([]);
    const sizes = lines.filter((line) => line.startsWith('batch size')).flatMap((line) => line.split(/\s+/).slice(2));
    expect(sizes).toEqual(ways.map(({ batch_rows }) => String(batch_rows)));
  });
});

test('cached tokens and thoughts have rows of their own where an endpoint tells them', () => {
  const lines = linesOf({ ways: [wayOf(50, { cached_input_tokens: 7_000, reasoning_tokens: 12 }), wayOf(100)] }, 80);
  expect(lines.find((line) => line.startsWith('  cached'))).toMatch(/^ {2}cached +7,000 +-$/);
  expect(lines.find((line) => line.startsWith('  reasoning'))).toMatch(/^ {2}reasoning +12 +-$/);
});

test('what was not begun has no cost, and says why there is no summary', () => {
  const lines = linesOf(
    {
      ways: [
        wayOf(50),
        wayOf(100, { status: 'unstarted', calls: 0, cost_usd: 0, whole_cost_usd: null, summary: null, seconds: null, level0: [] }),
      ],
    },
    60,
  );
  expect(lines.find((line) => line.startsWith('cost'))).toMatch(/^cost +\$0\.0120 +-$/);
  expect(lines.join('\n')).toContain('100 rows a call:\n  Not begun.');
});

test('a terminal cannot be steered by what a model says', () => {
  expect(linesOf({ ways: [wayOf(50, { summary: '\u001b[2Jgone' }), wayOf(100)] }, 80).join('')).not.toContain('\u001b');
});
