import {
  AthenaClient,
  type ColumnInfo,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
  StopQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import type { QueryPlace } from '../deployed-stack.ts';
import type { Statement } from '../sql-engine.ts';

/** A thousand pages are a thousand calls of a quota that the whole account shares: one throttled call must not lose the rest. */
const ATTEMPTS = 8;

export interface AthenaState {
  /** `QUEUED`, `RUNNING`, `SUCCEEDED`, `FAILED`, `CANCELLED` */
  state: string;
  /** Why it failed. */
  reason: string | undefined;
  /** `DML` for what reads and writes rows. */
  statementType: string | undefined;
  scannedBytes: number;
}

/** A page of rows; the first of a SELECT begins with the names of its columns. A value that is null is not there. */
export interface AthenaPage {
  columns: readonly ColumnInfo[];
  rows: readonly (readonly (string | undefined)[])[];
  nextToken: string | undefined;
}

/** Athena's calls. */
export interface AthenaCalls {
  /** @returns the id of the query. */
  start(statement: Statement): Promise<string>;
  state(id: string): Promise<AthenaState>;
  page(id: string, token: string | undefined, signal?: AbortSignal): Promise<AthenaPage>;
  stop(id: string): Promise<void>;
  close(): void;
}

/** Athena in a workgroup, which sets limits and the place of results, and a database. */
export function athenaCalls({ database, workgroup }: QueryPlace): AthenaCalls {
  const client = new AthenaClient({ maxAttempts: ATTEMPTS });
  return {
    async start({ sql, values }) {
      const command = new StartQueryExecutionCommand({
        QueryString: sql,
        WorkGroup: workgroup,
        QueryExecutionContext: { Database: database },
        // Parameters are texts of SQL: that of a text has quotes.
        ...(values && { ExecutionParameters: values.map((value) => `'${value.replaceAll("'", "''")}'`) }),
      });
      return (await client.send(command)).QueryExecutionId as string;
    },
    async state(id) {
      const { QueryExecution } = await client.send(new GetQueryExecutionCommand({ QueryExecutionId: id }));
      const { Status, Statistics, StatementType } = QueryExecution ?? {};
      return {
        state: Status?.State ?? 'QUEUED',
        reason: Status?.StateChangeReason,
        statementType: StatementType,
        scannedBytes: Statistics?.DataScannedInBytes ?? 0,
      };
    },
    async page(id, token, signal) {
      const command = new GetQueryResultsCommand({ QueryExecutionId: id, ...(token !== undefined && { NextToken: token }) });
      const { ResultSet, NextToken } = await client.send(command, signal ? { abortSignal: signal } : {});
      return {
        columns: ResultSet?.ResultSetMetadata?.ColumnInfo ?? [],
        rows: ResultSet?.Rows?.map(({ Data = [] }) => Data.map(({ VarCharValue }) => VarCharValue)) ?? [],
        nextToken: NextToken,
      };
    },
    async stop(id) {
      await client.send(new StopQueryExecutionCommand({ QueryExecutionId: id }));
    },
    close: () => client.destroy(),
  };
}
