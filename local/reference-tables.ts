import { readFileSync, writeFileSync } from 'node:fs';
import { settingDefinitions } from '../functions/shared/setting-definitions.ts';
import { kebabCase, settingNames } from '../functions/shared/settings.ts';
import { namedQueries } from '../infra/queries.ts';

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
    return `| \`${name}\` | \`${flag}\` | ${definition.default === null || Array.isArray(definition.default) ? '' : `\`${definition.default}\``} | ${definition.description} |`;
  });
  return ['| setting | flag | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

/** The shipped queries as a Markdown table, from their files. */
export function queriesTable(): string {
  const rows = namedQueries.map(({ name, description, takesRun }) => `| \`${name}\` | ${takesRun ? '`--run`' : ''} | ${description} |`);
  return ['| query | | shows |', '|---|---|---|', ...rows].join('\n');
}

const withSection = (page: string, name: string, text: string) =>
  page.replace(
    new RegExp(`(<!-- ${name}:begin -->\\n)[\\s\\S]*?(<!-- ${name}:end -->)`),
    (_, begin: string, end: string) => `${begin}${text}\n${end}`,
  );

/** A page with its tables of settings and of queries brought up to date. */
export const withReferences = (page: string) => withSection(withSection(page, 'settings', settingsTable()), 'queries', queriesTable());

if (import.meta.main) {
  const path = new URL('../README.md', import.meta.url);
  writeFileSync(path, withReferences(readFileSync(path, 'utf8')));
}
