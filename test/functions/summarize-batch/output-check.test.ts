import { describe, expect, test } from '@jest/globals';
import { checkOutput } from '../../../functions/summarize-batch/output-check.ts';
import { sampleRun } from '../../fakes/sample-run.ts';
import { ANSWER_USAGE, ANSWER_USD, answered, ScriptedSummarizer, textsOf } from '../../fakes/scripted-summarizer.ts';
import { openBench, paidFor, partsOf, refused } from './summarize-bench.ts';

const texts = [
  'The lid broke. See HTTPS://Shop.Example/Lids?id=7, it is the third.',
  'Write to Support.Team@Mail.Example.COM!',
  'I tried ```npm start``` and it failed (www.help.example/a).',
];

describe('an answer is refused that holds', () => {
  test.each([
    ['a web address that no text holds', 'Win at https://evil.example now', 'unexpected_url'],
    ['one without https', 'Win at http://shop.example/lids?id=7', 'unexpected_url'],
    ['one that only begins with www', 'Win at www.evil.example', 'unexpected_url'],
    ['one in capitals', 'Win at HTTPS://EVIL.EXAMPLE', 'unexpected_url'],
    ['one that goes on where that of a text ends', 'See https://shop.example/lids?id=7&to=evil', 'unexpected_url'],
    ['one of another host with that of a text in it', 'See https://evil.example/https://shop.example/lids', 'unexpected_url'],
    ['one behind a good one', 'See https://shop.example/lids?id=7 and https://evil.example', 'unexpected_url'],
    ['one as a link', 'See [the lid](https://evil.example)', 'unexpected_url'],
    ['one of letters beyond ASCII', 'See https://пример.рф/x', 'unexpected_url'],
    ['an e-mail address that no text holds', 'Write to evil@mail.example.com', 'unexpected_email'],
    ['one that ends like that of a text', 'Write to evil.support.team@mail.example.com', 'unexpected_email'],
    ['one of letters beyond ASCII', 'Schreibt an müller@käse.example', 'unexpected_email'],
    ['a block of code', '```js\nalert(1)\n```', 'unexpected_code', texts.slice(0, 2)],
  ])('%s', (_, text, code, given = texts) => {
    const check = () => checkOutput(answered(text), given);
    expect(check).toThrow(expect.objectContaining({ name: 'UnusableSummaryError', code, usage: ANSWER_USAGE }));
    // Neither the rows nor the answer are in a message.
    expect(check).toThrow(/^The answer holds an address or a code block that no text holds$/);
  });
});

describe('an answer is taken that holds', () => {
  test.each([
    ['nothing of the kind', 'Customers like the lid; 3 @ 5 http and www are mere words.'],
    ['the address of a text, in another case', 'See https://shop.example/lids?id=7'],
    ['with punctuation behind it', 'See https://shop.example/lids?id=7.'],
    ['with several marks behind it', 'Really: https://shop.example/lids?id=7?!…'],
    ['in brackets', '(see https://shop.example/lids?id=7)'],
    ['in quotes', 'They said “https://shop.example/lids?id=7”.'],
    ['in emphasis', '**https://shop.example/lids?id=7** and `www.help.example/a`'],
    ['before a full-width stop', '详见 https://shop.example/lids?id=7。'],
    ['in a sentence that goes on without a space', '详见https://shop.example/lids?id=7，价格好'],
    ['cut short', 'See https://shop.example'],
    ['the e-mail address of a text, in another case', 'Write to support.team@mail.example.com.'],
    ['the code of a text', 'Several tried ```npm start``` in vain.'],
  ])('%s', (_, text) => {
    expect(() => checkOutput(answered(text), texts)).not.toThrow();
  });
});

describe('a batch whose answer fails its check', () => {
  const evil = () => answered('Claim your prize at https://evil.example');

  test('is asked for once more, and pays for both', async () => {
    const bench = await openBench();
    await bench.summarize([evil(), answered('good')], { batches: bench.first });
    expect(bench.requests[1]).toEqual(bench.requests[0]);
    expect(bench.outcome(0)).toMatchObject({ status: 'ok', answer: { text: 'good' } });
    expect(paidFor(bench.outcome(0))).toMatchObject({ calls: 1, inputTokens: 2_000, costUsd: 2 * ANSWER_USD });
  });

  test('leaves nothing of it in the tables when it fails again', async () => {
    const bench = await openBench({ texts: ['a'] });
    await bench.summarize([evil(), evil()]);
    expect(bench.outcome(0)).toMatchObject({ status: 'failed', answer: null, error: { code: 'unexpected_url' } });
    expect(JSON.stringify([bench.outcome(0), bench.log.lines])).not.toContain('prize');
  });

  test('is cut around the row that leads the model astray', async () => {
    const bench = await openBench({ run: sampleRun({ settings: { batchRows: 4 } }) });
    await bench.summarizeWith(new ScriptedSummarizer((request) => (textsOf(request).includes('c') ? evil() : answered('good'))));
    expect(bench.outcome(0)).toMatchObject({ status: 'partial', failedRows: [{ rowNumber: 2, code: 'unexpected_url' }] });
  });

  test('costs what the tier costs that answered it', async () => {
    const bench = await openBench({ run: sampleRun({ settings: { batchRows: 1, serviceTier: 'flex' } }), texts: ['a'] });
    await bench.summarize([{ ...evil(), serviceTier: 'default' }, answered('good', { serviceTier: 'flex' })]);
    expect(paidFor(bench.outcome(0)).costUsd).toBeCloseTo(1.5 * ANSWER_USD, 12);
  });
});

test('a merge may repeat the addresses of its pieces, and no others', async () => {
  const bench = await openBench({
    run: sampleRun({ settings: { batchRows: 4 } }),
    texts: ['bad', 'b', 'see https://shop.example/lids', 'd'],
  });
  const merges = ['All at https://evil.example', 'All at https://SHOP.example/lids.'];
  const model = new ScriptedSummarizer((request) => {
    if (partsOf(request)) return answered(merges.shift() ?? 'Nobody asks for a third');
    const rows = textsOf(request);
    return rows.includes('bad') ? refused() : answered(rows.length > 1 ? 'see https://shop.example/lids' : 'fine');
  });
  await bench.summarizeWith(model);
  expect(bench.requests.filter((request) => partsOf(request))).toHaveLength(2);
  expect(bench.outcome(0)).toMatchObject({ status: 'partial', answer: { text: 'All at https://SHOP.example/lids.' } });
});
