import { type Command, Option } from 'commander';
import { kebabCase, settingFromText, settingNames } from '../functions/shared/settings.ts';
import type { ExplainOptions } from './explain-command.ts';
import type { RunOptions } from './run-command.ts';
import {
  aliased,
  concurrencyOption,
  DEFAULT_CONCURRENCY,
  datasetName,
  onEventOption,
  onEventTimeoutOption,
  outOption,
  quietOption,
  settingOption,
  settingsOf,
  wholeNumber,
} from './setting-flags.ts';

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

/** Adds the commands that read an upload: run and explain. */
export function uploadCommands(hundredfold: Command, exit: (code: number) => void): void {
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
      .addOption(quietOption())
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
}
