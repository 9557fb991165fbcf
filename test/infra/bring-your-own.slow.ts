import { describe, expect, test } from '@jest/globals';
import { AwsSolutionsChecks } from 'cdk-nag';
import { synthesize } from './synthesized.ts';

const KEY = 'arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555';
const SECRET = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:model-AbCdEf';

const withKey = synthesize({ encryptionKeyArn: KEY });
const brought = synthesize({
  inputBucketName: 'their-uploads',
  resultsBucketName: 'their-tables',
  encryptionKeyArn: KEY,
  modelKeySecret: SECRET,
  alarmTopicArn: 'arn:aws:sns:eu-central-1:123456789012:on-call',
  settings: { model: 'gpt-5.4-mini', maxCostUsd: 5 },
  maxCostUsdPerDay: 20,
  memoryMb: { 'plan-batches': 3008 },
});

interface Statement {
  Action: string | string[];
  Resource: string | string[];
  Condition?: unknown;
}

const statementsOf = (deployed: typeof withKey, role: string, action: string) =>
  deployed
    .ofType('AWS::IAM::Policy')
    .filter(([, { Properties }]) => Properties.Roles.includes(`<${role}>`))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement as Statement[])
    .filter(({ Action }) => [Action].flat().includes(action));

describe('a customer’s key', () => {
  test('encrypts the buckets of the data, and not that of the access logs, which S3 could not write', () => {
    const algorithmOf = (path: string) =>
      withKey.at(path).BucketEncryption.ServerSideEncryptionConfiguration[0].ServerSideEncryptionByDefault;
    for (const path of ['Buckets/Input', 'Buckets/Work', 'Buckets/Results']) {
      expect(algorithmOf(path)).toEqual({ SSEAlgorithm: 'aws:kms', KMSMasterKeyID: KEY });
      expect(withKey.at(path).BucketEncryption.ServerSideEncryptionConfiguration[0].BucketKeyEnabled).toBe(true);
    }
    expect(algorithmOf('Buckets/AccessLogs')).toEqual({ SSEAlgorithm: 'AES256' });
    expect(withKey.at('Queries/Workgroup').WorkGroupConfiguration.ResultConfiguration.EncryptionConfiguration).toEqual({
      EncryptionOption: 'SSE_KMS',
      KmsKey: KEY,
    });
  });

  test.each([
    'Steps/accept-upload/Role',
    'Steps/plan-batches/Role',
    'Steps/summarize-batch/Role',
    'Steps/write-tables/Role',
    'Steps/finish-run/Role',
    'Workflow/StateMachine/Role',
  ])('may be used by %s, through S3 alone', (role) => {
    expect(statementsOf(withKey, role, 'kms:Decrypt')).toEqual([
      {
        Effect: 'Allow',
        Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
        Resource: KEY,
        Condition: { StringEquals: { 'kms:ViaService': 's3.<AWS::Region>.<AWS::URLSuffix>' } },
      },
    ]);
  });

  test('is no business of those who touch no bucket', () => {
    expect(statementsOf(withKey, 'Steps/watch-runs/Role', 'kms:Decrypt')).toEqual([]);
    expect(statementsOf(synthesize(), 'Steps/summarize-batch/Role', 'kms:Decrypt')).toEqual([]);
  });
});

describe('what is brought along', () => {
  test('is used, and not made or changed', () => {
    expect(brought.ofType('AWS::S3::Bucket').map(([path]) => path)).toEqual(['Buckets/AccessLogs', 'Buckets/Work']);
    expect(brought.ofType('AWS::SecretsManager::Secret')).toEqual([]);
    expect(brought.ofType('AWS::SNS::Topic')).toEqual([]);
    expect(brought.ofType('AWS::KMS::Key')).toEqual([]);
    expect(brought.at('Intake/NewObjects').EventPattern.detail).toEqual({ bucket: { name: ['their-uploads'] } });
    expect(brought.at('Steps/plan-batches/Function').Environment.Variables.INPUT_BUCKET).toBe('their-uploads');
    expect(brought.at('Steps/summarize-batch/Function').Environment.Variables.MODEL_KEY_SECRET_ARN).toBe(SECRET);
    expect(statementsOf(brought, 'Steps/summarize-batch/Role', 'secretsmanager:GetSecretValue')).toMatchObject([{ Resource: SECRET }]);
    expect(statementsOf(brought, 'Steps/finish-run/Role', 's3:DeleteObject')).toMatchObject([
      { Resource: ['reports', 'tables'].map((kind) => `arn:<AWS::Partition>:s3:::their-tables/${kind}/*`) },
    ]);
    expect(brought.at('Catalog/runs/Table').TableInput.StorageDescriptor.Location).toBe('s3://their-tables/tables/runs/');
    expect(brought.outputs.SetModelKeyCommand).toBeUndefined();
  });

  test('a secret may be known by its name alone', () => {
    const named = synthesize({ modelKeySecret: 'team/model-key' });
    const arn = 'arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:team/model-key';
    expect(named.at('Steps/summarize-batch/Function').Environment.Variables.MODEL_KEY_SECRET_ARN).toBe('team/model-key');
    expect(statementsOf(named, 'Steps/summarize-batch/Role', 'secretsmanager:GetSecretValue')).toMatchObject([
      { Resource: `${arn}-??????` },
    ]);
  });

  test('settings, budget of the day and memory arrive', () => {
    expect(brought.at('Steps/plan-batches/Function').MemorySize).toBe(3008);
    expect(brought.at('Steps/write-tables/Function').MemorySize).toBe(2048);
    expect(JSON.parse(brought.at('Steps/accept-upload/Function').Environment.Variables.RUN_SETTINGS)).toEqual({
      model: 'gpt-5.4-mini',
      maxCostUsd: 5,
    });
    for (const step of ['accept-upload', 'summarize-batch'])
      expect(brought.at(`Steps/${step}/Function`).Environment.Variables.MAX_COST_USD_PER_DAY).toBe('20');
    expect(JSON.parse(brought.outputs.DeploymentDefaults?.Value as string)).toEqual({
      settings: { model: 'gpt-5.4-mini', maxCostUsd: 5 },
      maxCostUsdPerDay: 20,
    });
  });

  test.each([
    ['a key', withKey],
    ['everything', brought],
  ])('cdk-nag finds nothing in a stack with %s', (_, { stack }) => {
    expect(new AwsSolutionsChecks(stack).validateScope(stack).violations).toEqual([]);
  });
});
