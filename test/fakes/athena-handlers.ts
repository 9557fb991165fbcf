/** A column as GetQueryResults describes it. */
export interface AthenaColumn {
  name: string;
  type: string;
  precision?: number;
  scale?: number;
}

/** What a query gives, values as Athena writes them; an empty text is none of them, null is. */
export interface AthenaAnswer {
  columns: AthenaColumn[];
  rows: (string | null)[][];
  /** @default 'DML' */
  statementType?: string;
  scannedBytes?: number;
}

export interface StartedQuery {
  workgroup: string;
  database: string;
  parameters: string[] | undefined;
}

/** Answers a query; undefined: it runs until it is stopped. An error is the reason of its failure. */
export type QueryAnswer = (sql: string, started: StartedQuery) => Promise<AthenaAnswer | undefined>;

/** What GetQueryResults gives at most, the names above the rows included. */
const PAGE_ROWS = 1000;

export const awsFailure = (status: number, name: string, message: string) => Object.assign(new Error(message), { name, status });

interface Query {
  answer: Promise<AthenaAnswer | undefined>;
  looks: number;
  isStopped: boolean;
}

/** StartQueryExecution, GetQueryExecution, GetQueryResults and StopQueryExecution of Athena: bodies of requests to bodies of responses. */
export function athenaHandlers(answer: QueryAnswer): Record<string, (input: Record<string, never>) => unknown> {
  const queries = new Map<string, Query>();
  const queryOf = (id: string) => {
    const query = queries.get(id);
    if (!query) throw awsFailure(400, 'InvalidRequestException', `QueryExecution ${id} was not found`);
    return query;
  };

  return {
    StartQueryExecution({ QueryString = '', WorkGroup = '', QueryExecutionContext, ExecutionParameters }) {
      const QueryExecutionId = `query-${queries.size + 1}`;
      const { Database = '' } = (QueryExecutionContext ?? {}) as { Database?: string };
      const answered = answer(QueryString, { workgroup: WorkGroup, database: Database, parameters: ExecutionParameters });
      answered.catch(() => {});
      queries.set(QueryExecutionId, { answer: answered, looks: 0, isStopped: false });
      return { QueryExecutionId };
    },
    async GetQueryExecution({ QueryExecutionId = '' }) {
      const query = queryOf(QueryExecutionId);
      const execution = (Status: object, answered?: AthenaAnswer) => ({
        QueryExecution: {
          ...{ QueryExecutionId, Status, StatementType: answered?.statementType ?? 'DML' },
          Statistics: { DataScannedInBytes: answered?.scannedBytes ?? 0 },
        },
      });
      // As Athena does: queued first, whatever comes of it.
      if (query.looks++ === 0) return execution({ State: 'QUEUED' });
      if (query.isStopped) return execution({ State: 'CANCELLED', StateChangeReason: 'Query cancelled by user' });
      return query.answer.then(
        (answered) => execution({ State: answered ? 'SUCCEEDED' : 'RUNNING' }, answered),
        (error: Error) => execution({ State: 'FAILED', StateChangeReason: error.message }),
      );
    },
    async GetQueryResults({ QueryExecutionId = '', NextToken = '0' }) {
      const { columns = [], rows = [], statementType = 'DML' } = (await queryOf(QueryExecutionId).answer) ?? {};
      const names = columns.map(({ name }) => name);
      const all = statementType === 'DML' && columns.length > 0 ? [names, ...rows] : rows;
      const end = Number(NextToken) + PAGE_ROWS;
      const cells = (values: (string | null)[]) => ({ Data: values.map((value) => (value === null ? {} : { VarCharValue: value })) });
      return {
        ResultSet: {
          Rows: all.slice(Number(NextToken), end).map(cells),
          ResultSetMetadata: {
            ColumnInfo: columns.map(({ name, type, precision, scale }) => ({
              ...{ Name: name, Label: name, Type: type, Precision: precision, Scale: scale },
            })),
          },
        },
        ...(end < all.length && { NextToken: String(end) }),
      };
    },
    StopQueryExecution({ QueryExecutionId = '' }) {
      queryOf(QueryExecutionId).isStopped = true;
      return {};
    },
  };
}
