import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { newFolder, repository } from '../local/program.ts';

/** What the parser has to say against a text. */
export type TrinoProblems = (sql: string) => string[];

/** A parser of Trino SQL; it comes as a bundle because its package leaves the endings out of its imports. */
export async function trinoParser(): Promise<TrinoProblems> {
  const contents = "export { TrinoSQL } from 'dt-sql-parser/dist/parser/trino/index.js'";
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: repository },
    bundle: true,
    format: 'esm',
    platform: 'node',
    mainFields: ['module', 'main'],
    write: false,
  });
  const file = join(newFolder(), 'trino.mjs');
  writeFileSync(file, outputFiles[0]!.contents);
  const { TrinoSQL } = (await import(pathToFileURL(file).href)) as {
    TrinoSQL: new () => { validate(sql: string): { message: string }[] };
  };
  return (sql) => new TrinoSQL().validate(sql).map(({ message }) => message);
}
