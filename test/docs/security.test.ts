import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = file('docs/security.md').replaceAll(/\s*\n\s*/g, ' ');
const named = [...page.matchAll(/`(test\/[\w./-]+)`: "([^"]+)"/g)].map(([, path, title]): [string, string] => [
  path as string,
  title as string,
]);

describe('docs/security.md', () => {
  test('names tests', () => expect(named.length).toBeGreaterThan(15));

  test.each(named)('%s has the test "%s"', (path, title) => {
    expect(file(path).replaceAll(/\s*\n\s*/g, ' ')).toContain(title);
  });
});
