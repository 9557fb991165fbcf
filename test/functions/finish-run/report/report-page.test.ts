import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { joinExcerpts } from '../../../../functions/finish-run/report/join-excerpts.ts';
import { reportPage } from '../../../../functions/finish-run/report/report-page.ts';
import { defaultSettings } from '../../../../functions/shared/settings.ts';
import { batchRow, contentOf, excerptOf, failedBatchRow, recordOf, textRow, twoBatches } from './table-rows.ts';

const assets = { style: 'body { margin: 0 }', script: 'console.log("here")' };
const page = (record = recordOf(), content = contentOf(twoBatches)) => reportPage(record, content, assets);
const sections = (markup: string) => [...markup.matchAll(/<section id="([a-z]+)"/g)].map(([, id]) => id);

test('the policy forbids everything but the very style and script of the page', () => {
  const markup = page();
  const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(markup)?.[1]?.replaceAll('&#39;', "'");
  const hash = (text: string) => createHash('sha256').update(text).digest('base64');
  expect(policy?.split('; ')).toEqual([
    "default-src 'none'",
    `script-src 'sha256-${hash(assets.script)}'`,
    `style-src 'sha256-${hash(assets.style)}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
  ]);
  expect(markup).toContain(`<script>${assets.script}</script>`);
  expect(markup).not.toMatch(/ (src|href)="(?!#)| style=| on[a-z]+="/);
});

test('code that would end its own element is refused', () => {
  expect(() => reportPage(recordOf(), contentOf({}), { ...assets, script: 'a = "</script>"' })).toThrow('end its own element');
});

test('has the sections of what there is, the summary first', () => {
  expect(sections(page())).toEqual(['summary', 'explore', 'rejected', 'usage', 'settings']);
  expect(
    sections(page(recordOf({ status: 'rejected', summary: null, rows_summarized: 0, stop_reason: 'No column.' }), contentOf({}))),
  ).toEqual(['summary', 'settings']);
  const group = { group_key: '["Germany",""]', row_count: 2, rows_failed: 0, summary: 'Of the group.', cost_usd: 0.1 };
  const theme = { group_key: null, theme: 'Lids', row_count: 4, share: 0.5, positive_rows: 3, negative_rows: 1 };
  const full = page(
    recordOf(),
    contentOf({ ...twoBatches, group_summaries: [group], themes: [theme], batch_summaries: [failedBatchRow()] }),
  );
  expect(sections(full)).toEqual(['summary', 'themes', 'groups', 'explore', 'rejected', 'failed', 'usage', 'settings']);
  expect(full).toContain('Germany · (no value)');
  expect(full).toContain('4 rows, 50%');
});

test('counts, reasons with examples, and changed settings stand in it', () => {
  const markup = page();
  expect(markup).toContain('<dt>rows read</dt><dd>5</dd>');
  expect(markup).toContain('<dt>rejected</dt><dd>1</dd>');
  expect(markup).toContain('<dt>cost</dt><dd>$0.006000</dd>');
  expect(markup).toContain('<dt>duration</dt><dd>1 min 30 s</dd>');
  expect(markup).toMatch(
    /empty text<\/th><td class="number">1<\/td>\s*<td><ul class="examples"><li><span class="place">line 6<\/span> <q dir="auto">r4,<\/q>/,
  );
  expect(markup).toMatch(/Set for this run[\s\S]*?<code>batchRows<\/code><\/th><td dir="auto">2<\/td>[\s\S]*?<\/table>/);
  const [, changed] =
    /Set for this run([\s\S]*?)<\/table>/.exec(page(recordOf({ settings: JSON.stringify({ ...defaultSettings, batchRows: 2 }) }))) ?? [];
  expect([...(changed ?? '').matchAll(/<code>(\w+)<\/code>/g)].map(([, name]) => name)).toEqual(['batchRows']);
  expect(markup).toContain('Summary of all 4 rows');
});

test('says which rows the root lacks, and why there is none', () => {
  const lacking = contentOf({ ...twoBatches, batch_summaries: [batchRow({ level: 1, row_count: 4, rows_failed: 1 })] });
  expect(page(recordOf({ rows_summarized: 3, rows_failed: 1 }), lacking)).toContain('Summary of 3 of 4 rows');
  const notRolled = recordOf({ summary: null, settings: JSON.stringify({ rollUp: false }) });
  expect(page(notRolled)).toContain('This run was not rolled up');
  expect(page(recordOf({ summary: null }))).toContain('did not come to be folded');
  expect(page(recordOf({ model: 'offline-extractive' }))).toContain('No language model wrote them');
});

test('nothing that a customer, a file or a model wrote is markup, wherever it stands', () => {
  const evil = `</script><script>alert("x")</script><!--<img src=x onerror='alert(1)'>\u2028`;
  const rows = Object.fromEntries(
    Object.entries({
      batch_summaries: [failedBatchRow({ parent_level: 1, parent_batch_id: 0 }), batchRow({ level: 1, status: evil })],
      row_summaries: [textRow(0, 0), textRow(1, 0, { status: 'failed' })],
      rejected_rows: [{ line: 3 }],
      group_summaries: [{ row_count: 1 }],
      themes: [{ group_key: null, row_count: 1, share: 1 }],
      theme_mentions: [{ row_number: 1 }],
    }).map(([table, some]) => [
      table,
      some.map((row) => ({
        ...Object.fromEntries(
          [
            'group_key',
            'summary',
            'error_code',
            'error_message',
            'id',
            'text',
            'reason',
            'raw',
            'theme',
            'run_theme',
            'sentiment',
            'statement',
            'quote',
          ]
            .filter((name) => !(name in row) || table === 'row_summaries')
            .map((name) => [name, evil]),
        ),
        ...Object.fromEntries(Object.entries(row).filter(([name, value]) => typeof value !== 'string' || name === 'status')),
      })),
    ]),
  );
  const record = recordOf(
    Object.fromEntries(
      Object.entries(recordOf()).map(([name, value]) => [
        name,
        name === 'notes'
          ? JSON.stringify([evil])
          : name === 'settings'
            ? JSON.stringify({ instruction: evil, [evil]: evil })
            : typeof value === 'string' && !name.endsWith('_at')
              ? evil
              : value,
      ]),
    ),
  );
  const markup = page({ ...record, stop_reason: evil }, contentOf(rows));
  expect([...markup.matchAll(/<script/g)]).toHaveLength(2);
  expect([...markup.matchAll(/<\/script/g)]).toHaveLength(2);
  expect(markup).not.toMatch(/<!--|<img|\u2028(?=[\s\S]*<\/script>$)/);
  expect(markup.match(/alert\(/g)?.length).toBeGreaterThan(20);
  const data = JSON.parse(/id="report-data">([\s\S]*?)<\/script>/.exec(markup)?.[1] ?? '');
  expect(data.batches[0].texts[0].text).toBe(evil);
});

test('is the same for the same tables, and in one part as in several', () => {
  expect(page()).toBe(page());
  const { batch_summaries = [], row_summaries = [], rejected_rows = [] } = twoBatches;
  const parts = [
    excerptOf({ batch_summaries: batch_summaries.slice(0, 1), row_summaries: row_summaries.slice(0, 2) }, { batches: 2 }),
    excerptOf(
      { batch_summaries: batch_summaries.slice(1, 2), row_summaries: row_summaries.slice(2), rejected_rows },
      { batches: 2, part: '000001' },
    ),
    excerptOf({ batch_summaries: batch_summaries.slice(2) }, { batches: 2, part: 'levels' }),
  ];
  expect(page(recordOf(), joinExcerpts(parts))).toBe(page(recordOf(), joinExcerpts([excerptOf(twoBatches, { batches: 2 })])));
});
