import { type Command, Option } from 'commander';
import type { SettingName } from '../functions/shared/setting-definitions.ts';
import { kebabCase, settingNames } from '../functions/shared/settings.ts';
import type { CompareOptions } from './compare-command.ts';
import type { ExplainOptions } from './explain-command.ts';
import type { RunOptions } from './run-command.ts';
import {
  aliased,
  comparedOption,
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

const compareExamples = `
Examples:
  npm run compare -- reviews.csv --batch-size 50,100,200                 how many rows a call
  npm run compare -- reviews.csv --model gpt-6-luna,gpt-5.4-mini --max-cost-usd 0.50
  npm run compare -- reviews.csv --instruction "summarize {rows} reviews" --instruction "list what {rows} customers want"
  npm run compare -- --batch-size 50,100 --offline --open                the sample of the project, as a page in the browser

Every value goes with every other, at most 12 ways, one after the other. All read the same rows: one of each of as many equal stretches of
the file as the sample has rows, the same ones each time. --max-cost-usd is for all ways together. What is answered is kept in DIR/compare, apart
from your runs, tables and digests: the same comparison again costs nothing, and an interrupted one goes on.

Exit code: 0 all ways complete, 3 some partial, 4 some halted (run it again to go on), 2 wrong usage or unusable file, 1 some failed.`;

const DEFAULT_SAMPLE_ROWS = 1000;
const MAX_SAMPLE_ROWS = 100_000;

/** Settings that `compare` takes several values of, and what stands between these. */
const compared: Partial<Record<SettingName, string | null>> = { batchRows: ',', model: ',', instruction: null };
const noneCompared: typeof compared = {};

/** Adds the commands that read an upload: run, explain and compare. */
export function uploadCommands(hundredfold: Command, exit: (code: number) => void): void {
  /** A command that reads an upload; the settings come after its own flags. */
  const uploadCommand = (name: string, description: string, define: (command: Command) => Command, several = noneCompared) => {
    const command = hundredfold
      .command(name)
      .description(description)
      .argument('[FILE]', 'file of texts, or folder of part files')
      .option('--dataset <NAME>', 'dataset that the file belongs to (default: default)', datasetName)
      .option('--limit <ROWS>', 'read only the first rows', wholeNumber(Number.MAX_SAFE_INTEGER));
    define(command);
    const optionOf = (setting: SettingName) => {
      const separator = several[setting];
      return separator === undefined ? settingOption(setting) : comparedOption(setting, separator);
    };
    for (const setting of settingNames) command.addOption(optionOf(setting));
    for (const setting of aliased) {
      const { parseArg } = optionOf(setting);
      command.addOption(new Option(`--${kebabCase(setting)} <N>`).argParser(parseArg ?? String).hideHelp());
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

  uploadCommand(
    'compare',
    'run a sample of a file in several ways and show cost, time and summaries side by side',
    (compare) =>
      compare
        .addOption(outOption())
        .addOption(concurrencyOption().default(DEFAULT_CONCURRENCY))
        .addOption(
          new Option('--sample <ROWS>', 'rows of the sample, spread over the whole file')
            .argParser(wholeNumber(MAX_SAMPLE_ROWS))
            .default(DEFAULT_SAMPLE_ROWS),
        )
        .addOption(quietOption())
        .option('--offline', 'use the offline model server, also when a key is set')
        .option('--open', 'open the page in the browser')
        .option('--json', 'print one JSON object')
        .option('--verbose', 'show stack traces and log lines')
        .addHelpText('after', compareExamples)
        .action(async (file: string | undefined, options: Record<string, unknown>) => {
          const { compareCommand } = await import('./compare-command.ts');
          exit(await compareCommand(file, { ...(options as unknown as CompareOptions), settings: settingsOf(options) }));
        }),
    compared,
  );
}
