import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect } from '@jest/globals';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** Debian's, unless CHROMIUM names another. */
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const hasBrowser = existsSync(executablePath);
if (!hasBrowser) {
  process.stderr.write(
    `Skipped: the tests of the report in a browser, because there is no ${executablePath} (apt-get install chromium).\n`,
  );
}

/** Without a sandbox: the tests' own pages only, and containers have none. */
const openBrowser = (): Promise<Browser> => chromium.launch({ executablePath, args: ['--no-sandbox'] });

export interface WatchedPage {
  page: Page;
  /** Errors and warnings of the console, errors of the page, and requests for anything but the file: all that should not be. */
  trouble: string[];
  close(): Promise<void>;
}

async function openFile(browser: Browser, path: string, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const url = pathToFileURL(path).href;
  const trouble: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) trouble.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => trouble.push(`page error: ${error.message}`));
  page.on('dialog', (dialog) => {
    trouble.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (request.url() !== url) trouble.push(`request: ${request.url()}`);
  });
  page.on('requestfailed', (request) => trouble.push(`failed (${request.failure()?.errorText}): ${request.url()}`));
  await page.goto(url);
  return { page, trouble, close: () => context.close() };
}

export interface PageOpener {
  /** Opens a file; after the test it must have had no trouble. */
  show(path: string, options?: BrowserContextOptions): Promise<WatchedPage>;
  /** Opens one that is to have some; the test closes it. */
  open(path: string): Promise<WatchedPage>;
}

/** Tests of pages in a browser; where there is none they are skipped. */
export function inBrowser(name: string, define: (opener: PageOpener) => void): void {
  (hasBrowser ? describe : describe.skip)(name, () => {
    let browser: Browser;
    const opened: WatchedPage[] = [];
    beforeAll(async () => {
      browser = await openBrowser();
    });
    afterEach(async () => {
      for (const { trouble, close } of opened.splice(0)) {
        await close();
        expect(trouble).toEqual([]);
      }
    });
    afterAll(() => browser?.close());
    define({
      async show(path, options) {
        const watched = await openFile(browser, path, options);
        opened.push(watched);
        return watched;
      },
      open: (path) => openFile(browser, path),
    });
  });
}
