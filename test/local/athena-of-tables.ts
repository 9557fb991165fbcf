import { query } from '../../local/query.ts';
import type { AthenaAnswer, StartedQuery } from '../fakes/athena-handlers.ts';

/** DuckDB's types by Athena's names. */
const types: Record<string, string> = {
  ...{ INTEGER: 'integer', BIGINT: 'bigint', HUGEINT: 'bigint', DOUBLE: 'double', BOOLEAN: 'boolean', VARCHAR: 'varchar' },
  ...{ TIMESTAMP: 'timestamp', DATE: 'date' },
};

/** What Athena would answer over the tables of an out folder: DuckDB's rows, as Athena writes them. */
export async function athenaOfTables(
  out: string,
  sql: string,
  { parameters = [] }: Pick<StartedQuery, 'parameters'>,
): Promise<AthenaAnswer> {
  // Athena puts the texts of parameters where they belong.
  const statement = parameters.reduce((text, parameter) => text.replace('?', () => parameter), sql);
  const { rows: described } = await query(out, `DESCRIBE ${statement}`);
  const columns = described.map(({ column_name, column_type }) => {
    const type = types[String(column_type)];
    if (type === undefined) throw new Error(`Athena's name for ${column_type} is not known`);
    return { name: String(column_name), type };
  });
  const texts = columns.map(({ name, type }, index) => {
    const text = type === 'timestamp' ? `strftime("${name}", '%Y-%m-%d %H:%M:%S.%g')` : `CAST("${name}" AS VARCHAR)`;
    return `${text} AS t${index}`;
  });
  const { rows } = await query(out, `SELECT ${texts.join(', ')} FROM (\n${statement}\n)`);
  return { columns, rows: rows.map((row) => Object.values(row) as (string | null)[]), scannedBytes: 123_456 };
}
