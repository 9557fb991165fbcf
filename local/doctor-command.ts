import { createInterface } from 'node:readline/promises';
import { defaultSettings } from '../functions/shared/settings.ts';
import { lookAtEndpoint } from './doctor/endpoint.ts';
import type { Finding } from './doctor/finding.ts';
import { lookAtFolder, lookAtNode } from './doctor/machine.ts';
import { counted, printable } from './figures.ts';
import { type PlaceOptions, stackName } from './run-place.ts';

export interface DoctorOptions extends PlaceOptions {
  /** Also the account. */
  aws?: true;
  /** Only what a deployment needs. */
  beforeDeploy?: true;
  /** One tiny request may be sent without a question. */
  ask?: true;
  model?: string;
  json?: true;
}

/** `hundredfold doctor`: what is there and what is missing, in one list. @returns 0, or 1 where something that is needed is missing. */
export async function doctorCommand(options: DoctorOptions): Promise<number> {
  const findings: Finding[] = [lookAtNode()];
  const model = options.model ?? defaultSettings.model;
  if (!options.beforeDeploy) {
    findings.push(...lookAtFolder(options.out));
    const question = () => agrees(`Send one request of a few tokens to ${model}?`);
    findings.push(...(await lookAtEndpoint({ env: process.env, model, mayAsk: question, isAskWanted: options.ask === true })));
  }
  if (options.aws || options.beforeDeploy || options.stack !== undefined) {
    // The SDK is loaded only where it is needed.
    const { lookAtAccount } = await import('./doctor/account.ts');
    const isBeforeDeploy = options.beforeDeploy === true;
    // The name of the stack that is about to be deployed follows from CDK's context, which this command does not see.
    const stack = isBeforeDeploy && options.stack === undefined ? null : stackName(options.stack);
    findings.push(...(await lookAtAccount({ stack, isBeforeDeploy })));
  }
  const lacking = findings.filter(({ state }) => state === 'missing');
  if (options.json) process.stdout.write(`${JSON.stringify(findings)}\n`);
  else process.stdout.write(`${[...findings.flatMap(linesOf), verdict(lacking, options)].map(printable).join('\n')}\n`);
  return lacking.length > 0 ? 1 : 0;
}

const marks = { ok: 'ok      ', note: 'note    ', missing: 'MISSING ' };

const linesOf = ({ what, state, words, remedy }: Finding): string[] => [
  `${marks[state]} ${what.padEnd(16)}  ${words}`,
  ...(remedy ? [`${' '.repeat(27)}-> ${remedy}`] : []),
];

function verdict(lacking: readonly Finding[], { aws, beforeDeploy, stack }: DoctorOptions): string {
  if (lacking.length > 0) return `${counted(lacking.length, 'thing')} missing.`;
  if (beforeDeploy) return 'Ready to deploy.';
  return aws || stack !== undefined ? 'All is there.' : 'All is there on this machine; --aws looks at the account, too.';
}

async function agrees(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
