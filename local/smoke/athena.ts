import { AthenaClient, GetQueryExecutionCommand, GetQueryResultsCommand, StartQueryExecutionCommand } from '@aws-sdk/client-athena';
import type { Clock } from '../../functions/shared/ports.ts';

const POLL_SECONDS = 1;
/** Longest that a query over a few small files may take, waiting in a queue included. */
const LONGEST_SECONDS = 120;

export interface QueryPlace {
  database: string;
  workgroup: string;
}

/**
 * The one row that SQL gives in Athena, as text by the names of its columns.
 * @throws Error `AthenaQueryError`: it failed, or took too long.
 */
export async function athenaRow(sql: string, { database, workgroup }: QueryPlace, clock: Clock): Promise<Record<string, string>> {
  const client = new AthenaClient();
  const start = { QueryString: sql, WorkGroup: workgroup, QueryExecutionContext: { Database: database } };
  const { QueryExecutionId } = await client.send(new StartQueryExecutionCommand(start));
  const deadline = clock.now() + LONGEST_SECONDS * 1000;
  for (;;) {
    const { QueryExecution } = await client.send(new GetQueryExecutionCommand({ QueryExecutionId }));
    const { State, StateChangeReason } = QueryExecution?.Status ?? {};
    if (State === 'SUCCEEDED') break;
    if (State === 'FAILED' || State === 'CANCELLED')
      throw failed(`query ${QueryExecutionId} is ${State}: ${StateChangeReason ?? 'no reason'}`);
    if (clock.now() >= deadline) throw failed(`query ${QueryExecutionId} is still ${State} after ${LONGEST_SECONDS} s`);
    await clock.sleep(POLL_SECONDS);
  }
  const { ResultSet } = await client.send(new GetQueryResultsCommand({ QueryExecutionId }));
  // The first row holds the names of the columns.
  const [names, values] = ResultSet?.Rows?.map(({ Data = [] }) => Data.map(({ VarCharValue = '' }) => VarCharValue)) ?? [];
  return Object.fromEntries(names?.map((name, index) => [name, values?.[index] ?? '']) ?? []);
}

const failed = (message: string) => Object.assign(new Error(message), { name: 'AthenaQueryError' });
