import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { envNames } from '../functions/shared/env.ts';
import { MAX_SEMI_SPACE_MIB } from '../functions/shared/limits.ts';
import { functionNames } from '../infra/step-permissions.ts';
import { type Contender, RESIDENT_MIB, type Result, runInTurn } from './contenders.ts';
import { digits, medianOf, prepare, program, whole } from './programs.ts';
import { markdownTable } from './results.ts';
import { openSession } from './session.ts';

/** What each handler weighs as a bundle and how long its import takes, beside Node alone and a bundle of the libraries. */

const {
  sizes: { starts },
  folder,
  say,
  finish,
} = openSession({
  name: 'cold',
  defaults: { starts: 21 },
  packages: ['esbuild', 'openai', 'zod', '@aws-sdk/client-s3', '@aws-sdk/client-dynamodb'],
});

const bundleOf = (name: string) => join(folder, name, 'index.mjs');
say('Bundling ...');
prepare('cold/bundles.ts', folder, ...functionNames);

// What a handler reads while it is imported.
for (const name of Object.values(envNames)) process.env[name] ??= 'bench';
Object.assign(process.env, {
  AWS_REGION: 'us-east-1',
  [envNames.modelConcurrency]: '100',
  [envNames.runSettings]: '{}',
  [envNames.maxCostUsdPerDay]: '1',
  [envNames.modelBaseUrl]: 'http://127.0.0.1:9/v1',
  [envNames.stateMachine]: 'arn:aws:states:us-east-1:123456789012:stateMachine:hundredfold',
});

const NODE_ALONE = 'Node alone';
const LIBRARIES = 'S3, DynamoDB, openai and zod alone';
/** As the functions are deployed. */
const options = ['--enable-source-maps', `--max-semi-space-size=${MAX_SEMI_SPACE_MIB}`];
const contender = (name: string, ...bundle: string[]): Contender => ({ name, args: [...options, program('cold/start.ts'), ...bundle] });
say(`Starting each ${whole(starts)} times ...`);
const results = runInTurn<{ importMs: number }>(
  [contender(NODE_ALONE), contender(LIBRARIES, bundleOf('libraries')), ...functionNames.map((name) => contender(name, bundleOf(name)))],
  starts,
);

const [alone, ...bundled] = results as [Result<{ importMs: number }>, ...Result<{ importMs: number }>[]];
const folderOf = (name: string) => (name === LIBRARIES ? 'libraries' : name);
const packagesOf = (name: string) => JSON.parse(readFileSync(join(folder, folderOf(name), 'packages.json'), 'utf8')) as [string, number][];
const bundles = bundled.map((result) => ({
  ...result,
  bytes: statSync(bundleOf(folderOf(result.name))).size,
  packages: packagesOf(result.name),
}));
const LARGEST = 5;
const section = `Median of ${whole(starts)} starts in turn, each in a process of its own; memory is the most of any:

${markdownTable([
  {
    bundle: NODE_ALONE,
    kB: '',
    'import, ms': '',
    'start to end, ms': digits(1000 * alone.seconds),
    'more than Node, ms': '',
    'more CPU, ms': '',
    MiB: whole(alone.residentMb),
    'largest parts, kB': '',
  },
  ...bundles.map((result) => ({
    bundle: result.name,
    kB: whole(result.bytes / 1000),
    'import, ms': digits(medianOf(result, ({ importMs }) => importMs)),
    'start to end, ms': digits(1000 * result.seconds),
    'more than Node, ms': digits(1000 * (result.seconds - alone.seconds)),
    'more CPU, ms': digits(1000 * (result.cpuSeconds - alone.cpuSeconds)),
    MiB: whole(result.residentMb),
    'largest parts, kB': result.packages
      .slice(0, LARGEST)
      .map(([name, bytes]) => `${name} ${whole(bytes / 1000)}`)
      .join(', '),
  })),
])}

Bundles are made with the options of [pipeline-function.ts](../infra/pipeline-function.ts), as CDK makes them. The import runs everything at the top of the module: clients are made, nothing is asked.
Every start loads the program that measures it, Node alone as well. A function in Lambda has a share of a core by its memory, so its import takes longer.
${RESIDENT_MIB}.`;
finish({ starts, alone, bundles }, section);
