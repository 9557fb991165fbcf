import { expect, test } from '@jest/globals';
import { type EnvName, envNames } from '../../functions/shared/env.ts';
import {
  attemptKey,
  childResultsPrefix,
  contentKey,
  excerptKey,
  manifestKey,
  outcomeKey,
  partName,
  partSumsKey,
  readableCopyKey,
  receiptKey,
  reportKey,
  tableKey,
  unansweredKey,
} from '../../functions/shared/object-keys.ts';
import { keyPatterns } from '../../infra/step-permissions.ts';
import { type Resource, synthesize } from './synthesized.ts';

const deployed = synthesize();

const stateMachine = 'arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:hundredfold';
const executions = stateMachine.replace(':stateMachine:', ':execution:');
const variables: Partial<Record<EnvName, string>> = {
  inputBucket: '<Buckets/Input>',
  workBucket: '<Buckets/Work>',
  resultsBucket: '<Buckets/Results>',
  controlTable: '<Control/Table>',
  eventBus: '<Events>',
  stateMachine,
  modelKeySecret: '<ModelKey/Secret>',
  modelConcurrency: '100',
  deployment: 'hundredfold',
  runSettings: '{}',
};

const input = '<Buckets/Input.Arn>';
const work = '<Buckets/Work.Arn>';
const results = '<Buckets/Results.Arn>';

/** Leave to write these of each run. */
const puts = (...keys: string[]) => keys.map((key) => `s3:PutObject ${work}/runs/*/${key}`);
/** What planning writes piece by piece. */
const streamed = [
  'readable/*',
  'level-*/parts/*',
  'rejected/*',
  'level-*/batches.jsonl',
  'level-*/places.jsonl',
  'sorted/*',
  'groups.jsonl',
];

/** Everything that differs between the functions. `may` lists each allowed action with its resource and, where there is one, its condition. */
const expected: Record<string, { memory: number; timeoutSeconds: number; environment: EnvName[]; may: string[] }> = {
  'accept-upload': {
    memory: 512,
    timeoutSeconds: 60,
    environment: ['workBucket', 'inputBucket', 'stateMachine', 'runSettings'],
    may: [
      `s3:GetObject ${input}/*`,
      `s3:GetObjectVersion ${input}/*`,
      `s3:ListBucket ${input} *_hundredfold.json,*/`,
      `s3:GetObject ${work}/runs/*`,
      ...puts('attempts/*', 'source.jsonl', 'refusal.json'),
      `s3:ListBucket ${work} runs/*`,
      `states:StartExecution ${stateMachine}`,
      'sqs:ReceiveMessage <Intake/Queue.Arn>',
      'sqs:DeleteMessage <Intake/Queue.Arn>',
      'sqs:GetQueueAttributes <Intake/Queue.Arn>',
    ],
  },
  'plan-batches': {
    memory: 2048,
    timeoutSeconds: 900,
    environment: ['inputBucket', 'workBucket', 'resultsBucket', 'controlTable', 'eventBus', 'modelConcurrency'],
    may: [
      `s3:GetObjectVersion ${input}/*`,
      `s3:GetObject ${work}/runs/*`,
      ...puts('parts.jsonl', 'plan.json', 'refusal.json', ...streamed),
      ...streamed.map((key) => `s3:AbortMultipartUpload ${work}/runs/*/${key}`),
      `s3:DeleteObject ${work}/runs/*/readable/*`,
      `s3:ListBucket ${work} runs/*`,
      'dynamodb:GetItem <Control/Table.Arn>',
      'events:PutEvents <Events.Arn>',
    ],
  },
  'summarize-batch': {
    memory: 512,
    timeoutSeconds: 600,
    environment: ['workBucket', 'controlTable', 'modelKeySecret'],
    may: [
      `s3:GetObject ${work}/runs/*`,
      `s3:GetObject ${work}/summaries/*`,
      `s3:PutObject ${work}/runs/*/level-*/outcomes/*`,
      `s3:PutObject ${work}/runs/*/unanswered/*`,
      `s3:PutObject ${work}/summaries/*`,
      `s3:ListBucket ${work} runs/*,summaries/*`,
      'dynamodb:GetItem <Control/Table.Arn>',
      'dynamodb:UpdateItem <Control/Table.Arn>',
      'secretsmanager:GetSecretValue <ModelKey/Secret>',
    ],
  },
  'write-tables': {
    memory: 2048,
    timeoutSeconds: 900,
    environment: ['workBucket'],
    may: [`s3:GetObject ${work}/runs/*`, ...puts('level-*/sums/*', 'tables/*', 'receipts/*', 'excerpts/*'), `s3:ListBucket ${work} runs/*`],
  },
  'finish-run': {
    memory: 1024,
    timeoutSeconds: 900,
    environment: ['workBucket', 'resultsBucket', 'eventBus'],
    may: [
      `s3:GetObject ${work}/runs/*`,
      ...puts('attempts/*', 'events/*', 'run.json'),
      `s3:ListBucket ${work} runs/*`,
      ...['tables', 'reports'].flatMap((kind) => [`s3:PutObject ${results}/${kind}/*`, `s3:DeleteObject ${results}/${kind}/*`]),
      `s3:ListBucket ${results} tables/*`,
      'events:PutEvents <Events.Arn>',
      'sqs:SendMessage <Closing/Unclosed.Arn>',
    ],
  },
  'watch-runs': {
    memory: 256,
    timeoutSeconds: 60,
    environment: ['stateMachine'],
    may: [`states:ListExecutions ${stateMachine}`],
  },
};

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: string | string[];
  Condition?: { StringLike: { 's3:prefix': string[] } };
}

/** Every allowed action with its resource and the prefixes it is limited to. */
function permissionsOf(rolePath: string): string[] {
  const { Properties: role } = deployed.resources.get(rolePath) as Resource;
  expect(role).not.toHaveProperty('ManagedPolicyArns');
  expect(role).not.toHaveProperty('Policies');
  const policies = deployed.ofType('AWS::IAM::Policy').filter(([, { Properties }]) => Properties.Roles.includes(`<${rolePath}>`));
  const statements: Statement[] = policies.flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
  return statements.flatMap(({ Effect, Action, Resource, Condition }) => {
    expect(Effect).toBe('Allow');
    const prefixes = Condition ? ` ${Condition.StringLike['s3:prefix'].join(',')}` : '';
    return [Action].flat().flatMap((action) => [Resource].flat().map((resource) => `${action} ${resource}${prefixes}`));
  });
}

test.each([
  [keyPatterns.runs, attemptKey('run', 1)],
  [keyPatterns.runs, manifestKey('run', 0)],
  [keyPatterns.runs, receiptKey('run', 'levels')],
  [keyPatterns.outcomes, outcomeKey('run', 12, 3)],
  [keyPatterns.partSums, partSumsKey('run', 1, 3)],
  [keyPatterns.unanswered, unansweredKey('run', 1, 0, 3, 2, 5)],
  [keyPatterns.childResults, `${childResultsPrefix('run', 'SummarizeBatches')}/0af3/manifest.json`],
  [keyPatterns.readableCopies, readableCopyKey('run', 3)],
  [keyPatterns.summaries, contentKey('support', '0'.repeat(64))],
  [keyPatterns.tables, tableKey('runs', '2026-11-23', 'run', partName(0))],
  [keyPatterns.reports, reportKey('run')],
  [keyPatterns.excerpts, excerptKey('run', 'levels')],
])('the pattern %s covers %s', (pattern, key) => {
  expect(key).toMatch(new RegExp(`^${pattern.replaceAll('*', '.*')}$`));
});

test('there are these functions and no others', () => {
  expect(deployed.ofType('AWS::Lambda::Function').map(([path]) => path)).toEqual(
    Object.keys(expected).map((name) => `Steps/${name}/Function`),
  );
});

test.each(Object.entries(expected))('%s runs as told', (name, { memory, timeoutSeconds, environment }) => {
  expect(deployed.at(`Steps/${name}/Function`)).toMatchObject({
    Runtime: 'nodejs24.x',
    Architectures: ['arm64'],
    Handler: 'index.handler',
    MemorySize: memory,
    Timeout: timeoutSeconds,
    Role: `<Steps/${name}/Role.Arn>`,
    LoggingConfig: { LogFormat: 'JSON', LogGroup: `<Steps/${name}/Log>` },
  });
  expect(deployed.at(`Steps/${name}/Log`).RetentionInDays).toBe(30);
  expect(deployed.at(`Steps/${name}/Function`).Environment.Variables).toEqual({
    NODE_OPTIONS: '--enable-source-maps --max-semi-space-size=8',
    POWERTOOLS_SERVICE_NAME: name,
    ...Object.fromEntries([...environment, 'deployment' as const].map((variable) => [envNames[variable], variables[variable]])),
  });
});

test.each(Object.entries(expected))('%s may do this and nothing else', (name, { may }) => {
  const log = `<Steps/${name}/Log.Arn>`;
  expect(permissionsOf(`Steps/${name}/Role`).sort()).toEqual([...may, `logs:CreateLogStream ${log}`, `logs:PutLogEvents ${log}`].sort());
});

test('the workflow may do this and nothing else, besides setting up its log', () => {
  const permissions = permissionsOf('Workflow/StateMachine/Role').filter((permission) => !/^logs:\w+ \*$/.test(permission));
  expect(permissions.sort()).toEqual(
    [
      ...['plan-batches', 'summarize-batch', 'write-tables', 'finish-run'].map(
        (step) => `lambda:InvokeFunction <Steps/${step}/Function.Arn>`,
      ),
      `s3:GetObject ${work}/runs/*`,
      `s3:PutObject ${work}/runs/*/children/*`,
      `s3:ListMultipartUploadParts ${work}/runs/*/children/*`,
      `s3:AbortMultipartUpload ${work}/runs/*/children/*`,
      `states:StartExecution ${stateMachine}`,
      `states:DescribeExecution ${executions}:*`,
      `states:StopExecution ${executions}:*`,
      `states:RedriveExecution ${executions}/SummarizeBatches:*`,
      `states:RedriveExecution ${executions}/WriteTables:*`,
    ].sort(),
  );
});
