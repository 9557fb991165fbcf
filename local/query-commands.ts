import type { Command } from 'commander';
import type { QueryOptions } from './query-command.ts';
import { outOption } from './setting-flags.ts';

const queryExamples = `
Examples:
  npm run query                                          tables, columns and shipped queries
  npm run query -- --named final_table                   id, review, summary of the newest run
  npm run query -- --named failures --run reviews-%      of the newest run whose id begins so
  npm run query -- "select id, text as review, summary from row_summaries limit 5"
  npm run query -- --json "select status, count(*) as batches from batch_summaries group by status"`;

/** Adds the command that asks the tables: query. */
export function queryCommands(hundredfold: Command, exit: (code: number) => void): void {
  hundredfold
    .command('query')
    .description('run SQL (DuckDB) or a shipped query over the local tables; without either, list them')
    .argument('[SQL]', 'one statement')
    .option('--named <NAME>', 'run a shipped query, in place of SQL')
    .option('--run <RUN>', 'run_id for a shipped query, or a pattern of LIKE (default: the newest run)')
    .addOption(outOption())
    .option('--json', 'print one array of rows')
    .addHelpText('after', queryExamples)
    .action(async (sql: string | undefined, options: QueryOptions) => {
      const { queryCommand } = await import('./query-command.ts');
      exit(await queryCommand(sql, options));
    });
}
