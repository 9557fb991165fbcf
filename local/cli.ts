import { Command, Option } from 'commander';
import { ConfigError, PipelineError } from '../functions/shared/errors.ts';
import { kebabCase, settingFromText, settingNames } from '../functions/shared/settings.ts';
import { accountCommands } from './account-commands.ts';
import { attemptCommands } from './attempt-commands.ts';
import type { ExplainOptions } from './explain-command.ts';
import type { QueryOptions } from './query-command.ts';
import type { RunOptions } from './run-command.ts';
import {
  aliased,
  concurrencyOption,
  DEFAULT_CONCURRENCY,
  datasetName,
  onEventOption,
  onEventTimeoutOption,
  outOption,
  settingOption,
  settingsOf,
  wholeNumber,
} from './setting-flags.ts';

const USAGE = 2;

const runExamples = `
Examples:
  npm start                                              the sample, offline
  npm start -- reviews.csv --offline                     your file, no model, no cost
  OPENAI_API_KEY=... npm start -- reviews.csv --limit 1000 --max-cost-usd 0.50
  npm start -- answers.jsonl --text-column answer --batch-size 50 --json
  npm start -- reviews.csv --granularity row             one short summary for each row

Exit code: 0 complete, 3 partial, 4 halted (run it again to go on), 2 wrong usage or unusable file, 1 failed.`;

const explainExamples = `
Examples:
  npm run explain -- reviews.csv                         columns, first rows, batches and cost, without a call
  npm run explain -- exports/july/ --text-column answer  a folder of part files
  npm run explain -- reviews.csv --json                  for programs

Exit code: 0, or 2 where the file cannot be used.`;

const queryExamples = `
Examples:
  npm run query                                          tables, columns and shipped queries
  npm run query -- --named final_table                   id, review, summary of the newest run
  npm run query -- --named failures --run reviews-%      of the newest run whose id begins so
  npm run query -- "select id, text as review, summary from row_summaries limit 5"
  npm run query -- --json "select status, count(*) as batches from batch_summaries group by status"`;

/** A command's code is loaded with the command: that of all three takes a second and 60 MB. */
function program(exit: (code: number) => void): Command {
  const hundredfold = new Command('hundredfold')
    .description('Summarizes tables of text with language models: a hundred rows a call, from a file to SQL.')
    .showHelpAfterError('(--help shows the options)')
    .exitOverride();

  /** A command that reads an upload; the settings come after its own flags. */
  const uploadCommand = (name: string, description: string, define: (command: Command) => Command) => {
    const command = hundredfold
      .command(name)
      .description(description)
      .argument('[FILE]', 'file of texts, or folder of part files')
      .option('--dataset <NAME>', 'dataset that the file belongs to (default: default)', datasetName)
      .option('--limit <ROWS>', 'read only the first rows', wholeNumber(Number.MAX_SAFE_INTEGER));
    define(command);
    for (const setting of settingNames) command.addOption(settingOption(setting));
    for (const setting of aliased) {
      command.addOption(new Option(`--${kebabCase(setting)} <N>`).argParser((text: string) => settingFromText(setting, text)).hideHelp());
    }
  };

  uploadCommand('run', 'summarize a file; without FILE the sample, offline', (run) =>
    run
      .addOption(outOption())
      .addOption(concurrencyOption().default(DEFAULT_CONCURRENCY))
      .addOption(onEventOption())
      .addOption(onEventTimeoutOption())
      .option('--offline', 'use the offline model server, also when a key is set')
      .option('--json', "print the run's record as one JSON object on the last line")
      .option('--verbose', 'show stack traces and log lines')
      .addHelpText('after', runExamples)
      .action(async (file: string | undefined, options: Record<string, unknown>) => {
        const { runCommand } = await import('./run-command.ts');
        exit(await runCommand(file, { ...(options as unknown as RunOptions), settings: settingsOf(options) }));
      }),
  );

  uploadCommand('explain', 'show what a run would do: columns, rows, batches, cost; no call is made', (explain) =>
    explain
      .option('--offline', 'for the offline model server, which costs nothing')
      .option('--json', 'print one JSON object')
      .option('--verbose', 'show stack traces')
      .addHelpText('after', explainExamples)
      .action(async (file: string | undefined, options: Record<string, unknown>) => {
        const { explainCommand } = await import('./explain-command.ts');
        exit(await explainCommand(file, { ...(options as unknown as ExplainOptions), settings: settingsOf(options) }));
      }),
  );

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

  attemptCommands(hundredfold, exit);
  accountCommands(hundredfold, exit);
  return hundredfold;
}

/** Trouble with a file, a folder, the disk or AWS, as the system or AWS names it: `EACCES: permission denied, open '...'`. */
const isSystemError = (error: unknown) => error instanceof Error && ('syscall' in error || '$metadata' in error);

/** What a person is told of an error: one sentence where it is theirs to mend, the stack only with --verbose. */
function tellError(error: unknown): number {
  if (error instanceof Error && 'exitCode' in error) return error.exitCode === 0 ? 0 : USAGE;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${message || (error as Error).name}\n`);
  if (process.argv.includes('--verbose') && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  else if (!(error instanceof PipelineError || isSystemError(error)))
    process.stderr.write(
      'This is a defect; --verbose shows where it happened. Nothing that was answered is lost: run the same command again.\n',
    );
  return error instanceof ConfigError ? USAGE : 1;
}

for (const stream of [process.stdout, process.stderr]) {
  // Whoever reads may have enough (head, a closed pager); the work goes on to its end and its exit code.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  await program((code) => {
    process.exitCode = code;
  }).parseAsync();
} catch (error) {
  process.exitCode = tellError(error);
}
