import { readFileSync, writeFileSync } from 'node:fs';
import { kebabCase, settingDefinitions, settingNames } from '../functions/shared/settings.ts';

interface Described {
  default: unknown;
  description: string;
  alias?: string;
}

/** The settings as a Markdown table, one row each, from their only definition. */
export function settingsTable(): string {
  const rows = settingNames.map((name) => {
    const definition: Described = settingDefinitions[name];
    const flag = `--${definition.alias ?? kebabCase(name)}`;
    return `| \`${name}\` | \`${flag}\` | ${definition.default === null ? '' : `\`${definition.default}\``} | ${definition.description} |`;
  });
  return ['| setting | flag | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

const section = /(<!-- settings:begin -->\n)[\s\S]*?(<!-- settings:end -->)/;

/** A page with its settings table brought up to date. */
export const withSettings = (page: string) =>
  page.replace(section, (_, begin: string, end: string) => `${begin}${settingsTable()}\n${end}`);

if (import.meta.main) {
  const path = new URL('../README.md', import.meta.url);
  writeFileSync(path, withSettings(readFileSync(path, 'utf8')));
}
