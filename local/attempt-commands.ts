import { type Command, Option } from 'commander';
import { attemptSettingNames } from '../functions/shared/settings.ts';
import { DEFAULT_NAME } from '../infra/default-name.ts';
import { onAws } from './aws-access.ts';
import type { DigestOptions } from './digest-command.ts';
import type { ForgetOptions } from './forget-command.ts';
import type { RedriveOptions } from './redrive-command.ts';
import type { ReportOptions } from './report-command.ts';
import {
  concurrencyOption,
  DEFAULT_CONCURRENCY,
  datasetName,
  digestSettingNames,
  isoDate,
  onEventOption,
  onEventTimeoutOption,
  outOption,
  quietOption,
  settingOption,
  settingsOf,
  wholeNumber,
} from './setting-flags.ts';
import type { StatusOptions } from './status-command.ts';
import type { SubmitOptions } from './submit-command.ts';

const DEFAULT_SHOWN_RUNS = 25;

const redriveExamples = `
RUN is a run's id or how it begins, if no other begins so; it may be left out where only one run can be taken up.
Settings that are not given stay as the latest attempt had them.
With --stack the attempt runs in the deployed stack; region and credentials are those that the AWS SDK finds.

Examples:
  npm run redrive                                        the run that was halted, killed or left something failed
  npm run redrive -- reviews-1a2b --max-cost-usd 2       one that was halted at its cap
  npm run redrive -- reviews-1a2b --stack                the same in the stack ${DEFAULT_NAME}

Exit code: as of run; with --stack 0 where the attempt is started; 2 where there is nothing to do or somebody works on the run.`;

const statusExamples = `
Examples:
  npm run status                                         the runs of this machine, the newest first
  npm run status -- reviews-1a2b                         one run: attempts, settings, notes, how to go on
  npm run status -- --stack --json                       those of the stack ${DEFAULT_NAME}, for programs

Runs leave the list when the work bucket lets them go (30 days on AWS); the table runs keeps them.`;

const submitExamples = `
It is the very run that the object starts when it is dropped: submitting it again starts nothing.

Examples:
  npm run submit -- s3://INPUT_BUCKET/support/july.csv
  npm run submit -- s3://INPUT_BUCKET/support/july/      a folder, where its dataset has "upload": "folder"`;

const digestExamples = `
Each upload counts by the newest of its runs that is complete or partial, with the weight of its rows; digests themselves are left out.
What is asked, and of which model, is as in the newest of those runs.

Examples:
  npm run digest -- support                              one paragraph for all uploads of support
  npm run digest -- support --since 2026-11-01           for those since November
  npm run digest -- support --stack --json               in the stack ${DEFAULT_NAME}, for programs

Exit code: as of run; with --stack 0 where the run is started.`;

const forgetExamples = `
Removes input versions, staged rows, outcomes, paid answers, rejected rows, tables, reports and local events, with every version that a
bucket keeps. A run takes the digests along that folded its summary; a dataset, everything below its folder. Nothing is removed while an
attempt is alive. It can be repeated, also after it was killed. At the end it says what it cannot reach.
Of a row, tables are written anew without its words and without every summary that it went into; its uploads are listed.

Examples:
  npm run forget -- --run reviews-1a2b --dry-run         what there is of a run, with counts and bytes
  npm run forget -- --run reviews-1a2b                   after a question; --yes answers it
  npm run forget -- --row support r17 --dry-run          one row, by dataset and id
  npm run forget -- --dataset support --stack --yes      a customer's dataset, in the stack ${DEFAULT_NAME}

Exit code: 0, also where there was nothing; 2 where somebody works on a run or nobody agreed; 1 where something was left.`;

const stackOption = (description: string) => new Option('--stack [NAME]', `${description} (default: ${DEFAULT_NAME})`);
const ofStack = 'work with a deployed stack instead of this machine';

const reportExamples = `
RUN is a run's id or how it begins, if no other begins so; without it the newest run is meant.
Every run ends with its report. Where it is gone, it is made again from what the run has left. With --stack a copy is fetched to this machine.

Examples:
  npm run report                                         the path of the newest run's report
  npm run report -- reviews-1a2b --open                  one run's, shown in the browser
  npm run report -- reviews-1a2b --stack                 a run's of the stack ${DEFAULT_NAME}`;

/** Adds the commands on what exists: redrive, digest, status, report, submit. The SDK that they need is loaded when one of them is called. */
export function attemptCommands(hundredfold: Command, exit: (code: number) => void): void {
  const redrive = hundredfold
    .command('redrive')
    .description('go on with a run: a new attempt that pays only for missing and failed batches')
    .argument('[RUN]', 'the run')
    .addOption(outOption())
    .addOption(stackOption(ofStack))
    .addOption(concurrencyOption())
    .addOption(onEventOption())
    .addOption(onEventTimeoutOption())
    .addOption(quietOption())
    // A run knows whether it is one of the offline server; the flag of `run` is taken, too, and held against it.
    .addOption(new Option('--offline').hideHelp())
    .option('--json', "print the run's record, or what was started, as one JSON object on the last line")
    .option('--verbose', 'show stack traces and log lines')
    .addHelpText('after', redriveExamples)
    .action(async (run: string | undefined, options: Record<string, unknown>) => {
      const { redriveCommand } = await import('./redrive-command.ts');
      exit(await onAws(() => redriveCommand(run, { ...(options as unknown as RedriveOptions), settings: settingsOf(options) })));
    });
  for (const setting of attemptSettingNames) redrive.addOption(settingOption(setting));

  const digest = hundredfold
    .command('digest')
    .description('fold the latest summaries of a dataset into one, as a run of its own')
    .argument('<DATASET>', 'the dataset', datasetName)
    .option('--since <DATE>', 'only uploads whose latest run was accepted on that day (YYYY-MM-DD, UTC) or later', isoDate)
    .addOption(outOption())
    .addOption(stackOption(ofStack))
    .addOption(concurrencyOption().default(DEFAULT_CONCURRENCY))
    .addOption(onEventOption())
    .addOption(onEventTimeoutOption())
    .addOption(quietOption())
    .option('--offline', 'use the offline model server, also when a key is set')
    .option('--json', "print the run's record, or what was started, as one JSON object on the last line")
    .option('--verbose', 'show stack traces and log lines')
    .addHelpText('after', digestExamples)
    .action(async (dataset: string, options: Record<string, unknown>) => {
      const { digestCommand } = await import('./digest-command.ts');
      exit(await onAws(() => digestCommand(dataset, { ...(options as unknown as DigestOptions), settings: settingsOf(options) })));
    });
  for (const setting of digestSettingNames) digest.addOption(settingOption(setting));

  hundredfold
    .command('status')
    .description('list runs with their progress, or show one')
    .argument('[RUN]', 'the run, or how runs begin')
    .addOption(outOption())
    .addOption(stackOption(ofStack))
    .option('--limit <N>', 'runs to list', wholeNumber(Number.MAX_SAFE_INTEGER), DEFAULT_SHOWN_RUNS)
    .option('--json', 'print one array of runs, or one object')
    .addHelpText('after', statusExamples)
    .action(async (run: string | undefined, options: StatusOptions) => {
      const { statusCommand } = await import('./status-command.ts');
      exit(await onAws(() => statusCommand(run, options)));
    });

  hundredfold
    .command('report')
    .description('show where the report of a run is: its summaries down to the rows, on one page')
    .argument('[RUN]', 'the run, or how it begins (default: the newest)')
    .option('--open', 'open it in the browser')
    .addOption(outOption())
    .addOption(stackOption(ofStack))
    .addHelpText('after', reportExamples)
    .action(async (run: string | undefined, options: ReportOptions) => {
      const { reportCommand } = await import('./report-command.ts');
      exit(await onAws(() => reportCommand(run, options)));
    });

  hundredfold
    .command('forget')
    .description('remove for good what is stored of a run, a dataset or a row')
    .option('--run <ID>', 'the run, or how it begins')
    .option('--dataset <NAME>', 'the dataset', datasetName)
    .option('--row <DATASET ID...>', 'one row by its id, in all runs of its dataset')
    .option('--delete-uploads', 'with --row, also the uploads that hold it')
    .addOption(outOption())
    .addOption(stackOption(ofStack))
    .option('--query-results', 'also everything that queries in Athena returned')
    .option('--dry-run', 'only show what would be removed')
    .option('--yes', 'remove without asking')
    .option('--json', 'print one JSON object on the last line')
    .addHelpText('after', forgetExamples)
    .action(async (options: ForgetOptions) => {
      const { forgetCommand } = await import('./forget-command.ts');
      exit(await onAws(() => forgetCommand(options)));
    });

  hundredfold
    .command('submit')
    .description('start the run of an object that was in the input bucket before')
    .argument('<URL>', 's3://BUCKET/KEY')
    .addOption(stackOption('the deployed stack'))
    .option('--json', 'print one JSON object')
    .addHelpText('after', submitExamples)
    .action(async (url: string, options: SubmitOptions) => {
      const { submitCommand } = await import('./submit-command.ts');
      exit(await onAws(() => submitCommand(url, options)));
    });
}
