import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

/** A database in memory, for as long as the work takes. Nothing is ever downloaded for it, not even where SQL asks for it. */
const settings = {
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
  allow_community_extensions: 'false',
  // Where INSTALL would look; there is nothing.
  custom_extension_repository: '/nonexistent',
};

export interface DuckDBSession {
  connection: DuckDBConnection;
  close(): void;
}

export async function duckDBSession(): Promise<DuckDBSession> {
  const instance = await DuckDBInstance.create(':memory:', settings);
  const connection = await instance.connect();
  return {
    connection,
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

export const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
export const quotedName = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** A statement without what may end it. A comment behind it that might be part of a text stays. */
export const unterminated = (sql: string) => sql.replace(/;(?:[\s;]|--[^\n'"$*]*(?=\n|$))*$/, '').trimEnd();
