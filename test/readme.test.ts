import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { tableNames } from '../functions/shared/table-names.ts';
import { withReferences } from '../local/reference-tables.ts';

const file = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const readme = file('README.md');
const scripts = (JSON.parse(file('package.json')) as { scripts: Record<string, string> }).scripts;

describe('README', () => {
  test('lists the settings and the shipped queries as they are defined (npm run docs brings them up to date)', () => {
    expect(readme).toBe(withReferences(readme));
  });

  test('describes every table', () => {
    for (const table of tableNames) expect(readme).toMatch(new RegExp(`^\\| \`${table}\` \\|`, 'm'));
  });

  test('names only npm scripts and files that exist', () => {
    const named = [...readme.matchAll(/npm (?:run )?(?:-s )?(?:-- )?([a-z:]+)/g)].map((match) => String(match[1]));
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
    const links = [...readme.matchAll(/\]\(([^)#]+)\)/g)].map((match) => String(match[1]));
    for (const link of links) expect(() => readFileSync(new URL(`../${link}`, import.meta.url))).not.toThrow(/ENOENT/);
  });
});
