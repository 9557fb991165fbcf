// biome-ignore-all lint/performance/useDomNodeTextContent: what is seen is meant, and innerText here is Playwright's
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, jest, test } from '@jest/globals';
import { defaultSettings } from '../../functions/shared/settings.ts';
import type { Comparison } from '../../local/compare/comparison.ts';
import { comparisonPage, pageAssets } from '../../local/compare/comparison-page.ts';
import { inBrowser } from './browser.ts';
import { comparisonOf, wayOf } from './compare/comparison.ts';
import { contrastsOf } from './contrasts.ts';
import { callProgram } from './in-process.ts';
import { cleanUp, newFolder } from './program.ts';

jest.setTimeout(120_000);

const HOSTILE = `Nice lid.</script><script>document.title = 'taken'</script><img src="https://example.com/x" onerror="document.title = 'taken'"> <b>bold</b>`;

async function pageOf(changes: Partial<Comparison> = {}): Promise<string> {
  const path = join(newFolder(), 'comparison.html');
  writeFileSync(path, comparisonPage(comparisonOf(changes), { ...defaultSettings, temperature: 0 }, await pageAssets()));
  return path;
}

afterAll(cleanUp);

inBrowser('the page of a comparison in a browser', ({ show, open }) => {
  test('that of the sample shows what each way took and said, and leads to its reports', async () => {
    const out = newFolder();
    const ended = await callProgram(['compare', '--batch-size', '50,100,200', '--json', '--out', out]);
    const { page: path, ways } = JSON.parse(ended.stdout);
    const { page } = await show(path);
    expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
      'What each way took',
      'The summaries of all rows of the sample',
      'The same rows, side by side',
      'Settings of all ways',
    ]);
    expect(await page.locator('.figures thead th').allInnerTexts()).toEqual(['batch size', '50', '100', '200']);
    expect(await page.locator('.figures tr', { hasText: 'calls' }).locator('td').allInnerTexts()).toEqual(['9', '5', '3']);
    expect(await page.locator('.ways .text').allInnerTexts()).toEqual(ways.map(({ summary }: { summary: string }) => summary));
    for (const link of await page.locator('.ways a').all())
      expect(existsSync(join(out, 'compare', String(await link.getAttribute('href'))))).toBe(true);
    expect(await page.locator('.stretches .label').allInnerTexts()).toEqual(['rows 1 to 200', 'rows 201 to 362']);
    const second = page.locator('.stretches > li').nth(1);
    expect(await second.locator('.text:visible').count()).toBe(0);
    await second.locator('summary').click();
    expect(await second.locator('.text:visible').count()).toBe(4 + 2 + 1);
    expect(readFileSync(path, 'utf8')).not.toContain('<script');
  });

  test('whatever a model or a row says is shown as text', async () => {
    const level0 = [{ groupKey: HOSTILE, rows: 200, summary: HOSTILE, error: null }];
    const ways = [
      wayOf(50, { name: HOSTILE, summary: HOSTILE, instruction: HOSTILE, level0 }),
      wayOf(100, { instruction: 'other', level0: [{ ...level0[0]!, summary: null, error: HOSTILE }] }),
    ];
    const path = await pageOf({
      source_key: HOSTILE,
      ways,
      varied: ['batch_rows', 'instruction'],
      findings: [HOSTILE],
      warnings: [HOSTILE],
    });
    const { page } = await show(path);
    for (const place of ['h1', '.sides h3', '.ways .text', '.sides .text', '.findings li', '.findings .note', '.instructions li'])
      expect(await page.locator(place).first().textContent()).toBe(HOSTILE);
    expect(await page.locator('.ways h3').first().textContent()).toBe(`1. ${HOSTILE}`);
    expect(await page.locator('.sides .text').nth(1).textContent()).toBe(`Failed: ${HOSTILE}`);
    expect(await page.locator('script, img, b').count()).toBe(0);
    expect(await page.title()).not.toBe('taken');
  });

  test('its policy keeps every script from running, also one that is in the page', async () => {
    const path = await pageOf();
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace('<footer>', () => `<script>document.title = 'taken'</script><footer>`),
    );
    const watched = await open(path);
    expect(await watched.page.title()).not.toBe('taken');
    expect(watched.trouble.join()).toContain("script-src 'none'");
    await watched.close();
  });

  test.each([
    [390, 'light'],
    [390, 'dark'],
    [1280, 'light'],
    [1280, 'dark'],
  ] as const)(
    'at %d pixels, %s, nothing is cut off, summaries stand as the width allows, and text stands out',
    async (width, colorScheme) => {
      const ways = [50, 100, 200].map((rows) => wayOf(rows, { summary: `${'word'.repeat(200)} ${'and the lid was fine '.repeat(20)}` }));
      const path = await pageOf({ ways, findings: ['This.'], warnings: ['That.'] });
      const { page } = await show(path, { viewport: { width, height: 800 }, colorScheme });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      const tops = (await page.evaluate(
        '[...document.querySelectorAll(".ways > li")].map((way) => way.getBoundingClientRect().top)',
      )) as number[];
      expect(new Set(tops).size).toBe(width < 500 ? 3 : 1);
      const places = [
        'body',
        '.facts',
        'nav a',
        '.findings .note',
        '.hint',
        '.ways a',
        '.sides .meta',
        'figcaption span',
        '.stretches .meta',
      ];
      const colours = (await page.evaluate(contrastsOf(places))) as [place: string, contrast: number][];
      expect(colours.filter(([, contrast]) => contrast < 4.5)).toEqual([]);
    },
  );

  test('of more summaries than a page should hold, the first stretches', async () => {
    const level0 = Array.from({ length: 3_000 }, (_, batch) => ({ groupKey: null, rows: 1, summary: `Batch ${batch}.`, error: null }));
    const { page } = await show(await pageOf({ ways: [wayOf(50, { level0 }), wayOf(100, { level0 })] }));
    expect(await page.locator('.stretches > li').count()).toBe(2_000);
    expect(await page.locator('#batches .hint').innerText()).toBe('1,000 stretches more are in the reports of the ways.');
  });
});
