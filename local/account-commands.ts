import { type Command, Option } from 'commander';
import { DEFAULT_NAME } from '../infra/default-name.ts';
import type { DoctorOptions } from './doctor-command.ts';
import { outOption, wholeNumber } from './setting-flags.ts';
import type { SmokeOptions } from './smoke-command.ts';

const MAX_SMOKE_MINUTES = 120;
const DEFAULT_SMOKE_MINUTES = 15;

const doctorExamples = `
Nothing is changed and nothing is paid for: the endpoint is asked for its list of models. Where it has none, one request of a few tokens tells,
which is sent only with --ask or where you say yes.

Examples:
  npm run doctor                                         this machine: Node, folder, disk, key, endpoint, model
  npm run doctor -- --model gpt-5.4-mini --ask           and one tiny request
  npm run doctor -- --aws                                and the account: credentials, region, bootstrap, stack, secret, buckets
  npm run deploy                                         looks at what a deployment needs first

Exit code: 0, or 1 where something that is needed is missing.`;

const smokeExamples = `
Drops the sample (365 rows; five model calls) into dataset hundredfold-smoke of the stack, waits for its run, counts its rows in Athena and compares
them with what the sample holds. What it leaves: npm run forget -- --dataset hundredfold-smoke --stack

Examples:
  npm run smoke
  npm run smoke -- --stack hundredfold-test --timeout 30

Exit code: 0 where all counts are right, else 1, with what went wrong and where to look.`;

const stackOption = () => new Option('--stack [NAME]', `the deployed stack (default: ${DEFAULT_NAME})`);

/** Adds the commands of the first day: doctor and smoke. */
export function accountCommands(hundredfold: Command, exit: (code: number) => void): void {
  hundredfold
    .command('doctor')
    .description('say what is missing, in one list, with the way out for each')
    .option('--aws', 'look at the AWS account, too')
    .addOption(stackOption())
    .option('--before-deploy', 'only what a deployment needs')
    .option('--model <NAME>', 'the model to look for')
    .option('--ask', 'send one tiny request without asking')
    .addOption(outOption())
    .option('--json', 'print one array of findings')
    .addHelpText('after', doctorExamples)
    .action(async (options: DoctorOptions) => {
      const { doctorCommand } = await import('./doctor-command.ts');
      exit(await doctorCommand(options));
    });

  hundredfold
    .command('smoke')
    .description('run the sample through a deployed stack and compare what comes out')
    .addOption(stackOption())
    .option('--timeout <MINUTES>', 'longest wait for the run', wholeNumber(MAX_SMOKE_MINUTES), DEFAULT_SMOKE_MINUTES)
    .option('--json', 'print one JSON object on the last line')
    .addHelpText('after', smokeExamples)
    .action(async (options: SmokeOptions) => {
      const { smokeCommand } = await import('./smoke-command.ts');
      const { onAws } = await import('./aws-access.ts');
      exit(await onAws(() => smokeCommand(options)));
    });
}
