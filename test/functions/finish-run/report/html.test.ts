import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { embeddedJson, html } from '../../../../functions/finish-run/report/html.ts';

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '</script><script>alert(1)</script>',
    '<!--<script>',
    ']]>',
    '\u2028\u2029',
    '"onload="x',
    "' autofocus onfocus='x",
    '&lt;',
  ),
);

test('values are text, in contents and in attributes: no markup of theirs is left', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const { markup } = html`<p title="${text}">${text}</p>`;
      const inner = /^<p title="([^"]*)">([\s\S]*)<\/p>$/.exec(markup);
      const back = (escaped = '') =>
        escaped.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
      expect(inner?.[1]).not.toMatch(/[<>"']/);
      expect(inner?.[2]).not.toMatch(/[<>]/);
      expect(back(inner?.[1])).toBe(text);
      expect(back(inner?.[2])).toBe(text);
    }),
  );
});

test('markup within markup stays, lists are joined, and nothing is nothing', () => {
  expect(html`<ul>${['a', '<'].map((text) => html`<li>${text}</li>`)}</ul>${null}${undefined}${false}${0}`.markup).toBe(
    '<ul><li>a</li><li>&lt;</li></ul>0',
  );
});

test('embedded JSON is the same value and holds nothing that ends a script, opens a comment or breaks a line', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ text: hostile })), (value) => {
      const { markup } = embeddedJson(value);
      expect(markup).not.toMatch(/[<>&\u2028\u2029]/);
      expect(JSON.parse(markup)).toEqual(value);
    }),
  );
});
