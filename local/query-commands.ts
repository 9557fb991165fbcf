import { type Command, Option } from 'commander';
import { DEFAULT_NAME } from '../infra/default-name.ts';
import type { QueryOptions } from './query-command.ts';
import { queryFormats } from './row-formats.ts';
import { outOption } from './setting-flags.ts';

const queryExamples = `
Formats: table fits the terminal and shows the first 10,000 rows; csv (RFC 4180, with a header) and json (one array of rows) take any number of
rows in little memory; parquet keeps the columns' types. Whole numbers beyond 2^53 are texts in json, times are UTC. csv leaves a value that is
null empty and writes an empty text as "".

--aws runs the statement as it is: shipped queries are SQL that DuckDB and Athena both take, your own has to be Athena's. What was scanned and
its price stand on stderr; Ctrl-C cancels the query.

Examples:
  npm run query                                          tables, columns and shipped queries
  npm run query -- --named final_table                   id, review, summary of the newest run
  npm run query -- --named failures --run reviews-%      of the newest run whose id begins so
  npm run query -- "select id, text as review, summary from row_summaries limit 5"
  npm run query -- --named final_table -o final.csv      in the format that the name ends in
  npm run query -- "from row_summaries" --format parquet --output rows.parquet
  npm run -s query -- --json "select status, count(*) as batches from batch_summaries group by status"
  npm run query -- --aws --named final_table             the same in Athena, of the deployed stack
  npm run query -- --stack hundredfold-test "select run_id, summary from runs"

Exit code: 0; 2 for wrong usage and SQL that is not taken; 130 after Ctrl-C; 1 for what else goes wrong.`;

/** Adds the command that asks the tables: query. */
export function queryCommands(hundredfold: Command, exit: (code: number) => void): void {
  hundredfold
    .command('query')
    .description('run SQL or a shipped query over the local tables (DuckDB) or those of a stack (Athena); without either, list them')
    .argument('[SQL]', 'one statement')
    .option('--named <NAME>', 'run a shipped query, in place of SQL')
    .option('--run <RUN>', 'run_id for a shipped query, or a pattern of LIKE (default: the newest run)')
    .addOption(new Option('--format <FORMAT>', 'how rows are given (default: what FILE ends in, else table)').choices(queryFormats))
    .option('--json', 'short for --format json')
    .option('-o, --output <FILE>', 'write the rows to a file, whole or not at all')
    .addOption(outOption())
    .option('--aws', 'ask Athena, in the workgroup and database of the deployed stack')
    .addOption(new Option('--stack <NAME>', `ask Athena for a stack of that name (with --aws alone: ${DEFAULT_NAME})`))
    .addHelpText('after', queryExamples)
    .action(async (sql: string | undefined, options: QueryOptions) => {
      const { queryCommand } = await import('./query-command.ts');
      const { onAws } = await import('./aws-access.ts');
      exit(await onAws(() => queryCommand(sql, options)));
    });
}
