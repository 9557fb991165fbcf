import { type Command, Option } from 'commander';
import { kebabCase, settingFromText, settingNames } from '../functions/shared/settings.ts';
import {
  aliased,
  concurrencyOption,
  DEFAULT_CONCURRENCY,
  onEventOption,
  onEventTimeoutOption,
  outOption,
  quietOption,
  settingOption,
  settingsOf,
  wholeNumber,
} from './setting-flags.ts';
import type { WatchCommandOptions } from './watch-command.ts';

const DEFAULT_MAX_RUNS = 2;
const MAX_RUNS = 100;
const DEFAULT_SETTLE_SECONDS = 2;
const MAX_SETTLE_SECONDS = 3_600;

const watchExamples = `
The first folder below DIR is the dataset, and its _hundredfold.json has the settings of its uploads, as in the input bucket on AWS: with
"upload": "folder" a folder that _SUCCESS closes is one upload. Hidden files, names that begin with "_" and those of unfinished downloads
(.tmp, .part, .crdownload ...) start nothing. A version of a file is summarized once, also when the watch is started again with other settings;
what was stopped goes on then. A run that the endpoint halted is tried again after a quarter of an hour.

Examples:
  npm run watch -- incoming                              until Ctrl-C; results in hundredfold-data
  npm run watch -- incoming --once --quiet --json        what is there now, for cron: one line of JSON for each run
  npm run watch -- incoming --max-runs 4 --concurrency 32 --max-cost-usd 1
  npm run watch -- incoming --offline                    no model, no cost

Exit code: 0, or of the runs that were made: 1 one failed, 4 one was halted, 2 one upload cannot be used, 3 one is partial.`;

/** Adds watch. */
export function watchCommands(hundredfold: Command, exit: (code: number) => void): void {
  const watch = hundredfold
    .command('watch')
    .description('summarize each file that is dropped into a folder')
    .argument('<DIR>', 'the folder')
    .addOption(outOption())
    .addOption(concurrencyOption().default(DEFAULT_CONCURRENCY))
    .option('--max-runs <N>', 'files at work at once; they share the calls in flight', wholeNumber(MAX_RUNS), DEFAULT_MAX_RUNS)
    .option('--settle <SECONDS>', 'how long a file must have stayed the same', wholeNumber(MAX_SETTLE_SECONDS), DEFAULT_SETTLE_SECONDS)
    .option('--once', 'end when what is there now is done')
    .addOption(onEventOption())
    .addOption(onEventTimeoutOption())
    .addOption(quietOption())
    .option('--offline', 'use the offline model server, also when a key is set')
    .option('--json', "print each run's record as a line of JSON")
    .option('--verbose', 'show stack traces and log lines')
    .addHelpText('after', watchExamples)
    .action(async (folder: string, options: Record<string, unknown>) => {
      const { watchCommand } = await import('./watch-command.ts');
      exit(await watchCommand(folder, { ...(options as unknown as WatchCommandOptions), settings: settingsOf(options) }));
    });
  for (const setting of settingNames) if (setting !== 'upload') watch.addOption(settingOption(setting));
  for (const setting of aliased) {
    watch.addOption(new Option(`--${kebabCase(setting)} <N>`).argParser((text: string) => settingFromText(setting, text)).hideHelp());
  }
}
