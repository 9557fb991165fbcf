// biome-ignore-all lint/performance/useDomNodeTextContent: what is seen is meant, and innerText here is Playwright's
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, jest, test } from '@jest/globals';
import { joinExcerpts } from '../../functions/finish-run/report/join-excerpts.ts';
import { reportPage } from '../../functions/finish-run/report/report-page.ts';
import { readAssets } from '../../functions/finish-run/report/write-report.ts';
import { reportKey } from '../../functions/shared/object-keys.ts';
import type { TableRow } from '../../functions/shared/tables.ts';
import { batchRow, excerptOf, recordOf, type TableRows, textRow } from '../functions/finish-run/report/table-rows.ts';
import { inBrowser, type WatchedPage } from './browser.ts';
import { contrasts } from './contrasts.ts';
import { callProgram } from './in-process.ts';
import { cleanUp, newFolder, recordOf as recordOfRun, repository } from './program.ts';

jest.setTimeout(120_000);

const HOSTILE = `Nice lid.</script><script>document.title = 'taken'; alert(1)</script><img src="https://example.com/x" onerror="alert(2)"> And <b>bold</b>.`;

/** What a hole in the escaping would bring into the page. */
const INJECTED = `<script>document.title = 'taken'</script><img src="https://example.com/x" onerror="document.title = 'taken'"><style>main { display: none }</style>`;

/** The page of a run's tables, as a file. */
async function pageOf(rows: TableRows, changes: Parameters<typeof recordOf>[0] = {}): Promise<string> {
  const batches = (rows.batch_summaries ?? []).filter(({ level }) => level === 0).length;
  const record = recordOf({ batches, rows_summarized: rows.row_summaries?.length ?? 0, rows_rejected: 0, ...changes });
  const path = join(newFolder(), 'report.html');
  writeFileSync(path, reportPage(record, joinExcerpts([excerptOf(rows, { batches })]), await readAssets()));
  return path;
}

/** Ten thousand batches of two rows, the hundred folds of them, and the root. */
function tenThousandBatches(): TableRows {
  const leaf = (batch: number) =>
    batchRow({
      batch_id: batch,
      first_row: 2 * batch,
      parent_level: 1,
      parent_batch_id: Math.floor(batch / 100),
      summary: `Summary ${batch}: ${'the lid is fine '.repeat(60)}`,
    });
  const fold = (batch: number) =>
    batchRow({ level: 1, batch_id: batch, row_count: 200, parent_level: 2, parent_batch_id: 0, summary: `Fold ${batch}.` });
  return {
    batch_summaries: [
      ...Array.from({ length: 10_000 }, (_, batch) => leaf(batch)),
      ...Array.from({ length: 100 }, (_, batch) => fold(batch)),
      batchRow({ level: 2, row_count: 20_000, summary: 'The root.' }),
    ],
    row_summaries: Array.from({ length: 20_000 }, (_, row) =>
      textRow(row, Math.floor(row / 2), { summary: null, text: `Row ${row} speaks of ${row === 19_998 ? 'a needle' : 'hay'}.` }),
    ),
  };
}

afterAll(cleanUp);

inBrowser('the report in a browser', ({ show, open }) => {
  const elements = ({ page }: WatchedPage) => page.locator('*').count();

  test('that of the sample opens, down to a row, and the search finds one', async () => {
    const out = newFolder();
    const ended = await callProgram(['run', '--out', out, '--json']);
    const report = join(out, 'results', reportKey(String(recordOfRun(ended).run_id)));
    expect(ended.stderr).toContain(`report   ${report}`);
    const { page } = await show(report);
    expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
      'Summary of all 362 rows',
      'From the summary to the rows',
      'Rejected rows',
      'Cost, tokens and time',
      'Settings',
    ]);
    expect(await page.locator('.tree .rows li').count()).toBe(0);
    await page.locator('.tree summary', { hasText: 'Batch 2' }).click();
    expect(await page.locator('.tree .rows > li').count()).toBe(100);
    expect(await page.locator('.tree .rows > li').first().innerText()).toMatch(/^row \d+ · R-\d+\n/);

    await page.getByLabel('Search summaries and rows').fill('R-0365');
    await page.locator('#results li').waitFor();
    expect(await page.locator('#found').innerText()).toBe('0 summaries and 1 row found.');
    expect(await page.locator('#results mark').allInnerTexts()).toEqual(['R-0365']);
    await page.getByRole('button', { name: 'Show in its place' }).click();
    expect(await page.locator('.rows > li:focus').innerText()).toContain('R-0365');
  });

  test('that of a run with groups, themes and a summary for each row shows them', async () => {
    const out = newFolder();
    const flags = ['--group-column', 'product', '--insights', '--granularity', 'row', '--offline'];
    const ended = await callProgram(['run', join(repository, 'samples', 'reviews.csv'), ...flags, '--out', out, '--json']);
    const { page } = await show(join(out, 'results', reportKey(String(recordOfRun(ended).run_id))));
    expect(await page.getByRole('navigation').getByRole('link').allInnerTexts()).toEqual([
      ...['Summary', 'Themes', 'Groups', 'Down to the rows', 'Rejected', 'Cost and time', 'Settings'],
    ]);
    const group = page.locator('.groups > li', { hasText: 'Coffee Grinder' });
    await group.locator('summary').click();
    expect(await group.locator('.text').innerText()).toMatch(/^Offline extract/);
    const theme = page.locator('.themes > li').first();
    await theme.locator('summary').click();
    expect(await theme.locator('.quotes q').count()).toBeGreaterThan(0);
    await page
      .locator('.tree summary', { hasText: /^Coffee Grinder · batch/ })
      .first()
      .click();
    expect(await page.locator('.rows > li').first().locator('.own').innerText()).toMatch(/\w/);
  });

  test('a review that holds scripts is shown as text, in the tree, in what the search finds and among the rejected rows', async () => {
    const watched = await show(
      await pageOf(
        {
          batch_summaries: [batchRow({ row_count: 1, summary: HOSTILE })],
          row_summaries: [textRow(0, 0, { text: HOSTILE, id: '"><script>alert(3)</script>', summary: HOSTILE })],
          rejected_rows: [{ line: 2, reason: 'empty_text', raw: HOSTILE }],
        },
        { summary: HOSTILE, source_key: HOSTILE },
      ),
    );
    const { page } = watched;
    await page.locator('.tree summary').click();
    await page.getByLabel('Search summaries and rows').fill("<script>document.title = 'taken'");
    await page.locator('#results li').first().waitFor();
    expect(await page.locator('#found').innerText()).toBe('1 summary and 1 row found.');
    for (const place of ['.root', '.tree .text', '.tree .rows p', '#rejected q'])
      expect(await page.locator(place).textContent()).toBe(HOSTILE);
    expect(await page.locator('#results p').first().innerText()).toContain(`</script><script>document.title = 'taken'; alert(1)</script>`);
    expect(await page.locator('script').count()).toBe(2);
    expect(await page.locator('img, b').count()).toBe(0);
    expect(await page.title()).not.toBe('taken');
  });

  test('the policy keeps foreign scripts from running even where one is in the page', async () => {
    const path = await pageOf({ batch_summaries: [batchRow()] });
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace('<footer>', () => `${INJECTED}<footer>`),
    );
    const watched = await open(path);
    await watched.page.locator('main').waitFor();
    expect(await watched.page.locator('img').count()).toBe(1);
    expect(await watched.page.title()).not.toBe('taken');
    for (const directive of ['script-src', 'style-src', "default-src 'none'"]) expect(watched.trouble.join()).toContain(directive);
    expect(watched.trouble).toContain('failed (csp): https://example.com/x');
    await watched.close();
  });

  test('the keyboard alone leads to the summary, into the tree, to a row and to what was found', async () => {
    const rows = {
      batch_summaries: [0, 1].map((batch) => batchRow({ batch_id: batch, parent_level: 1, parent_batch_id: 0 })),
      row_summaries: [0, 1, 2, 3].map((row) => textRow(row, Math.floor(row / 2))),
    };
    const root: TableRow = batchRow({ level: 1, row_count: 4, summary: 'The root.' });
    const { page } = await show(await pageOf({ ...rows, batch_summaries: [...rows.batch_summaries, root] }));
    const focused = () => page.locator(':focus').innerText();
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to the summary');
    await page.keyboard.press('Enter');
    expect(page.url()).toMatch(/#summary$/);

    await page.getByLabel('Search summaries and rows').focus();
    await page.keyboard.press('Tab');
    expect(await focused()).toMatch(/^All/);
    await page.keyboard.press('Tab');
    expect(await focused()).toMatch(/^Batch 0/);
    await page.keyboard.press('Space');
    expect(await page.locator('.rows > li').count()).toBe(2);
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
    await page.keyboard.press('Enter');
    expect(await page.locator('.rows > li:visible').count()).toBe(0);

    await page.getByLabel('Search summaries and rows').focus();
    await page.keyboard.type('row 3');
    await page.keyboard.press('Enter');
    await page.locator('#results li').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await focused()).toContain('Text of row 3.');
  });

  test('ten thousand batches: only what is opened is drawn, and the search draws what fits', async () => {
    const path = await pageOf(tenThousandBatches(), { summary: 'The root.' });
    const watched = await show(path);
    const { page } = watched;
    const atFirst = await elements(watched);
    expect(atFirst).toBeLessThan(1_500);
    await page.locator('.tree summary', { hasText: 'Level 1, summary 99' }).click();
    const opened = await elements(watched);
    expect(opened - atFirst).toBeLessThan(1_000);

    await page.getByLabel('Search summaries and rows').fill('the LID is');
    await page.locator('#results li').first().waitFor();
    expect(await page.locator('#found').innerText()).toBe('10,000 summaries and 0 rows found.');
    expect(await page.locator('#results > li').count()).toBe(21);
    await page.getByRole('button', { name: 'Show 20 more' }).click();
    expect(await page.locator('#results > li').count()).toBe(41);

    await page.getByLabel('Search summaries and rows').fill('needle');
    await page.locator('#found', { hasText: '0 summaries and 1 row found.' }).waitFor();
    await page.getByRole('button', { name: 'Show in its place' }).click();
    expect(await page.locator('.rows > li:focus').innerText()).toContain('a needle');
    expect(await elements(watched)).toBeLessThan(opened + 200);
  });

  test('without a roll-up ten thousand batches are ranges of a hundred', async () => {
    const { batch_summaries = [], row_summaries } = tenThousandBatches();
    const flat = batch_summaries.filter(({ level }) => level === 0).map((row) => ({ ...row, parent_level: null, parent_batch_id: null }));
    const watched = await show(await pageOf({ batch_summaries: flat, row_summaries }, { summary: null }));
    expect(await watched.page.locator('.tree > li').count()).toBe(100);
    await watched.page.getByLabel('Search summaries and rows').fill('needle');
    await watched.page.getByRole('button', { name: 'Show in its place' }).click();
    expect(await watched.page.locator('.rows > li:focus').innerText()).toContain('a needle');
    expect(await elements(watched)).toBeLessThan(3_000);
  });

  test('what is not in the page is told, with the query that shows it', async () => {
    const texts = Array.from({ length: 3 }, (_, row) => textRow(row, 0));
    const parent = { parent_level: 1, parent_batch_id: 0 };
    const batches = [batchRow({ row_count: 9, ...parent }), batchRow({ level: 1, row_count: 30, summary: 'The root.' })];
    const { page } = await show(await pageOf({ batch_summaries: batches, row_summaries: texts }, { batches: 3, rows_summarized: 30 }));
    await page.locator('.tree summary', { hasText: 'Batch 0' }).click();
    expect(await page.locator('#explore > p').first().innerText()).toContain('the first 1 of 3 batches and 3 of 30 rows');
    expect(await page.locator('.tree .hint').allInnerTexts()).toEqual([
      expect.stringMatching(
        /^6 rows more are not in this page:\s+SELECT row_number, id, text FROM row_summaries WHERE run_id = 'july-1234' AND dt = '2026-11-23' AND batch_id = 0/,
      ),
      expect.stringMatching(/^Summaries of 21 rows more are not in this page:\s+SELECT .* parent_level = 1 AND parent_batch_id = 0/),
    ]);
  });

  test.each([
    [390, 'light'],
    [390, 'dark'],
    [1280, 'light'],
    [1280, 'dark'],
  ] as const)('at %d pixels, %s, nothing is cut off, and the text stands out from its ground', async (width, colorScheme) => {
    const long = 'word'.repeat(200);
    const path = await pageOf(
      {
        batch_summaries: [batchRow({ summary: long, row_count: 1 })],
        row_summaries: [textRow(0, 0, { text: long, id: long })],
        rejected_rows: [{ line: 2, reason: 'empty_text', raw: long }],
      },
      { source_key: long, settings: JSON.stringify({ instruction: long }) },
    );
    const { page } = await show(path, { viewport: { width, height: 800 }, colorScheme });
    await page.locator('.tree summary').click();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    const colours = (await page.evaluate(contrasts)) as [place: string, contrast: number][];
    expect(colours.filter(([, contrast]) => contrast < 4.5)).toEqual([]);
  });

  test('has a name for every landmark, table, figure and field', async () => {
    const { page } = await show(
      await pageOf({
        batch_summaries: [batchRow()],
        row_summaries: [textRow(0, 0)],
        rejected_rows: [{ line: 2, reason: 'empty_text', raw: 'x' }],
      }),
    );
    for (const role of ['banner', 'navigation', 'main', 'search', 'contentinfo'] as const)
      expect(await page.getByRole(role).count()).toBe(1);
    expect(await page.locator('table:not(:has(caption))').count()).toBe(0);
    expect(await page.locator('svg:not([aria-label]):not([aria-hidden])').count()).toBe(0);
    expect(await page.locator('figure:not([aria-labelledby])').count()).toBe(0);
    expect(await page.locator('section:not([aria-labelledby])').count()).toBe(0);
    expect(await page.locator('th:not([scope])').count()).toBe(0);
    const levels = await page.locator('h1, h2, h3').evaluateAll((headings) => headings.map(({ tagName }) => tagName));
    expect(levels[0]).toBe('H1');
    expect(new Set(levels.slice(1))).toEqual(new Set(['H2']));
  });
});
