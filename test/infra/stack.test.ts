import { describe, expect, test } from '@jest/globals';
import { AwsSolutionsChecks } from 'cdk-nag';
import { modelKey } from '../../functions/shared/adapters/model-key.ts';
import { stepContracts } from '../../functions/shared/contract.ts';
import { tables } from '../../functions/shared/tables.ts';
import { workflowDefinition } from '../../infra/workflow.ts';
import { synthesize } from './synthesized.ts';

const deployed = synthesize();

const denialOfPlainHttp = {
  Effect: 'Deny',
  Principal: { AWS: '*' },
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
};

describe('buckets', () => {
  const buckets = deployed.ofType('AWS::S3::Bucket').map(([path]) => path);

  test.each(buckets)('%s is private, encrypted, owned by the account and closed to plain HTTP', (path) => {
    expect(deployed.at(path)).toMatchObject({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    });
    const policy = deployed.at(`${path}/Policy`);
    expect(policy.Bucket).toBe(`<${path}>`);
    expect(policy.PolicyDocument.Statement).toContainEqual({
      ...denialOfPlainHttp,
      Action: 's3:*',
      Resource: [`<${path}.Arn>`, `<${path}.Arn>/*`],
    });
  });

  test.each(buckets.filter((path) => path !== 'Buckets/AccessLogs'))('accesses to %s are logged, and S3 may do so', (path) => {
    const { DestinationBucketName, LogFilePrefix } = deployed.at(path).LoggingConfiguration;
    expect(DestinationBucketName).toBe('<Buckets/AccessLogs>');
    expect(deployed.at('Buckets/AccessLogs/Policy').PolicyDocument.Statement).toContainEqual({
      Action: 's3:PutObject',
      Effect: 'Allow',
      Principal: { Service: 'logging.s3.amazonaws.com' },
      Resource: `<Buckets/AccessLogs.Arn>/${LogFilePrefix}*`,
      Condition: { ArnLike: { 'aws:SourceArn': `<${path}.Arn>` }, StringEquals: { 'aws:SourceAccount': '<AWS::AccountId>' } },
    });
  });

  test('uploads have versions and are announced', () => {
    expect(deployed.at('Buckets/Input')).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
      NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
    });
  });

  test('no upload and no table expires; old versions of uploads, runs and paid answers do', () => {
    const lifecycle = (path: string) => deployed.at(path).LifecycleConfiguration.Rules;
    const abandoned = expect.objectContaining({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } });
    expect(lifecycle('Buckets/Input')).toEqual([
      abandoned,
      expect.objectContaining({ NoncurrentVersionExpiration: { NoncurrentDays: 90 }, ExpiredObjectDeleteMarker: true, Status: 'Enabled' }),
    ]);
    for (const rule of lifecycle('Buckets/Input')) expect(rule).not.toHaveProperty('ExpirationInDays');
    expect(lifecycle('Buckets/Work')).toEqual([
      abandoned,
      expect.objectContaining({ Prefix: 'runs/', ExpirationInDays: 30 }),
      expect.objectContaining({ Prefix: 'summaries/', ExpirationInDays: 400 }),
    ]);
    expect(lifecycle('Buckets/Results')).toEqual([abandoned, expect.objectContaining({ Prefix: 'athena/', ExpirationInDays: 30 })]);
  });
});

describe('from upload to accept-upload', () => {
  test('a new object goes to the queue, or to a dead-letter queue', () => {
    expect(deployed.at('Intake/NewObjects')).toMatchObject({
      EventPattern: { source: ['aws.s3'], 'detail-type': ['Object Created'], detail: { bucket: { name: ['<Buckets/Input>'] } } },
      State: 'ENABLED',
      Targets: [{ Arn: '<Intake/Queue.Arn>', DeadLetterConfig: { Arn: '<Intake/Undelivered.Arn>' } }],
    });
    for (const queue of ['Intake/Queue', 'Intake/Undelivered'])
      expect(deployed.at(`${queue}/Policy`)).toEqual(mayBeSentBy('Intake/NewObjects', queue));
  });

  test('the function polls the queue and gives back single messages, which end in a dead-letter queue', () => {
    expect(deployed.at('Intake/Poller')).toMatchObject({
      EventSourceArn: '<Intake/Queue.Arn>',
      FunctionName: '<Steps/accept-upload/Function>',
      BatchSize: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
    const queue = deployed.at('Intake/Queue');
    expect(queue.RedrivePolicy).toEqual({ deadLetterTargetArn: '<Intake/Unaccepted.Arn>', maxReceiveCount: 5 });
    expect(queue.VisibilityTimeout).toBeGreaterThanOrEqual(6 * deployed.at('Steps/accept-upload/Function').Timeout);
  });
});

/** A queue policy that lets the rule send, and nobody at all over plain HTTP. */
function mayBeSentBy(rule: string, queue: string) {
  return expect.objectContaining({
    PolicyDocument: expect.objectContaining({
      Statement: expect.arrayContaining([
        { ...denialOfPlainHttp, Action: 'sqs:*', Resource: `<${queue}.Arn>` },
        expect.objectContaining({
          Effect: 'Allow',
          Principal: { Service: 'events.amazonaws.com' },
          Resource: `<${queue}.Arn>`,
          Condition: { ArnEquals: { 'aws:SourceArn': `<${rule}.Arn>` } },
        }),
      ]),
    }),
  });
}

describe('the workflow', () => {
  const machine = deployed.at('Workflow/StateMachine');

  test('is the definition that the local engine runs', () => {
    const functions = Object.fromEntries(Object.keys(stepContracts).map((step) => [step, `<Steps/${step}/Function.Arn>`]));
    expect(JSON.parse(machine.DefinitionString)).toEqual(
      workflowDefinition({
        functions: functions as Parameters<typeof workflowDefinition>[0]['functions'],
        workBucket: '<Buckets/Work>',
        partition: '<AWS::Partition>',
      }),
    );
  });

  test('logs every event without the data in it', () => {
    expect(machine.LoggingConfiguration).toEqual({
      Level: 'ALL',
      IncludeExecutionData: false,
      Destinations: [{ CloudWatchLogsLogGroup: { LogGroupArn: '<Workflow/Log.Arn>' } }],
    });
    expect(deployed.at('Workflow/Log').LogGroupName).toMatch(/^\/aws\/vendedlogs\/states\//);
  });

  test('has the name under which accept-upload starts it', () => {
    const arn = deployed.at('Steps/accept-upload/Function').Environment.Variables.STATE_MACHINE_ARN;
    expect(arn).toBe(`arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:${machine.StateMachineName}`);
  });

  test('whose execution ends badly gets its run closed, with the whole event', () => {
    expect(deployed.at('Closing/FailedExecutions')).toMatchObject({
      EventPattern: {
        source: ['aws.states'],
        'detail-type': ['Step Functions Execution Status Change'],
        detail: { status: ['FAILED', 'TIMED_OUT', 'ABORTED'], stateMachineArn: ['<Workflow/StateMachine>'] },
      },
      State: 'ENABLED',
      Targets: [{ Id: 'Target0', Arn: '<Steps/finish-run/Function.Arn>', DeadLetterConfig: { Arn: '<Closing/Unclosed.Arn>' } }],
    });
    const [target] = deployed.at('Closing/FailedExecutions').Targets;
    expect(Object.keys(target).filter((key) => key.startsWith('Input'))).toEqual([]);
    expect(deployed.at('Closing/Unclosed/Policy')).toEqual(mayBeSentBy('Closing/FailedExecutions', 'Closing/Unclosed'));
    const permissions = deployed.ofType('AWS::Lambda::Permission').map(([, { Properties }]) => Properties);
    const mayCall = { Action: 'lambda:InvokeFunction', Principal: 'events.amazonaws.com' };
    expect(permissions).toEqual([
      { ...mayCall, FunctionName: '<Steps/finish-run/Function.Arn>', SourceArn: '<Closing/FailedExecutions.Arn>' },
      { ...mayCall, FunctionName: '<Steps/watch-runs/Function.Arn>', SourceArn: '<Watch/Schedule.Arn>' },
    ]);
  });

  test('and what finish-run fails on is kept', () => {
    expect(deployed.at('Steps/finish-run/Function/EventInvokeConfig')).toMatchObject({
      MaximumRetryAttempts: 2,
      DestinationConfig: { OnFailure: { Destination: '<Closing/Unclosed.Arn>' } },
    });
  });
});

describe('state of the runs', () => {
  test('is one item each, which expires', () => {
    expect(deployed.at('Control/Table')).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      DeletionProtectionEnabled: true,
    });
  });

  test('what the model key holds before somebody sets it is refused by name', async () => {
    const { SecretString } = deployed.at('ModelKey/Secret');
    const client = { send: async () => ({ SecretString }) } as unknown as Parameters<typeof modelKey>[0];
    await expect(modelKey(client, 'secret')()).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining('placeholder'),
    });
  });
});

describe('tables', () => {
  test.each(Object.values(tables))('$name has the columns that the files have, partitioned by date', (table) => {
    const { DatabaseName, TableInput } = deployed.at(`Catalog/${table.name}/Table`);
    expect(DatabaseName).toBe('<Catalog/Database>');
    expect(TableInput).toMatchObject({ Name: table.name, TableType: 'EXTERNAL_TABLE', PartitionKeys: [{ Name: 'dt', Type: 'string' }] });
    expect(TableInput.StorageDescriptor).toMatchObject({
      Columns: table.columns.map(({ name, type, comment }) => ({ Name: name, Type: type, Comment: comment })),
      Location: `s3://<Buckets/Results>/tables/${table.name}/`,
      InputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
      SerdeInfo: { SerializationLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' },
    });
    expect(TableInput.Parameters).toMatchObject({
      'projection.enabled': 'true',
      'projection.dt.type': 'date',
      'projection.dt.format': 'yyyy-MM-dd',
      'projection.dt.range': '2026-01-01,NOW',
      'projection.dt.interval': '1',
      'projection.dt.interval.unit': 'DAYS',
      'storage.location.template': `s3://<Buckets/Results>/tables/${table.name}/dt=\${dt}/`,
    });
  });

  test('are queried in a workgroup whose limits hold for every client', () => {
    expect(deployed.at('Queries/Workgroup').WorkGroupConfiguration).toMatchObject({
      EnforceWorkGroupConfiguration: true,
      BytesScannedCutoffPerQuery: 10_000_000_000,
      EngineVersion: { SelectedEngineVersion: 'Athena engine version 3' },
      ResultConfiguration: {
        OutputLocation: 's3://<Buckets/Results>/athena/',
        EncryptionConfiguration: { EncryptionOption: 'SSE_S3' },
      },
    });
    expect(deployed.at('Queries/final_table')).toMatchObject({ Database: '<Catalog/Database>', WorkGroup: '<Queries/Workgroup>' });
  });
});

test('the outputs name what a user needs', () => {
  expect(Object.fromEntries(Object.entries(deployed.outputs).map(([key, { Value }]) => [key, Value]))).toMatchObject({
    InputBucketName: '<Buckets/Input>',
    WorkBucketName: '<Buckets/Work>',
    ResultsBucketName: '<Buckets/Results>',
    WorkgroupName: '<Queries/Workgroup>',
    DatabaseName: '<Catalog/Database>',
    EventBusName: '<Events>',
    StateMachineArn: '<Workflow/StateMachine>',
    ModelEndpoint: 'https://api.openai.com/v1',
    SetModelKeyCommand: expect.stringMatching(/^aws secretsmanager put-secret-value --secret-id .+ --secret-string file:/),
  });
});

describe('deletion and checks', () => {
  const temporary = synthesize({ stage: 'dev', destroyOnDelete: true, modelBaseUrl: 'https://model.example/v1', athenaScanLimitGb: 2 });
  const holdsData = ['AWS::S3::Bucket', 'AWS::DynamoDB::Table', 'AWS::SecretsManager::Secret', 'AWS::Logs::LogGroup', 'AWS::SQS::Queue'];

  test.each(holdsData)('a deleted stack leaves every %s, unless told otherwise', (type) => {
    for (const [path, { DeletionPolicy }] of deployed.ofType(type)) expect([path, DeletionPolicy]).toEqual([path, 'Retain']);
    for (const [path, { DeletionPolicy }] of temporary.ofType(type)) expect([path, DeletionPolicy]).toEqual([path, 'Delete']);
  });

  test.each([
    ['by default', deployed, 30],
    ['as configured', synthesize({ logRetentionDays: 7, destroyOnDelete: true }), 7],
  ])('every log is kept as long as it should be, %s', (_, stack, days) => {
    const groups = stack.ofType('AWS::Logs::LogGroup');
    for (const [path, { Properties }] of groups) expect([path, Properties.RetentionInDays]).toEqual([path, days]);
    // A function without a group of its own gets one that keeps its lines for ever.
    for (const [path, { Properties }] of stack.ofType('AWS::Lambda::Function')) {
      expect([path, groups.map(([group]) => `<${group}>`)]).toEqual([path, expect.arrayContaining([Properties.LoggingConfig?.LogGroup])]);
    }
    expect(stack.at('Workflow/StateMachine').LoggingConfiguration.Destinations[0].CloudWatchLogsLogGroup.LogGroupArn).toBe(
      '<Workflow/Log.Arn>',
    );
    expect(stack.at('Buckets/AccessLogs').LifecycleConfiguration.Rules).toMatchObject([{ ExpirationInDays: days }]);
  });

  test('a stage has names of its own', () => {
    expect(temporary.at('Workflow/StateMachine').StateMachineName).toBe('hundredfold-dev');
    expect(temporary.at('Events').Name).toBe('hundredfold-dev');
    expect(temporary.at('Queries/Workgroup').Name).toBe('hundredfold-dev');
    expect(temporary.at('Catalog/Database').DatabaseInput.Name).toBe('hundredfold_dev');
  });

  test('the configuration arrives', () => {
    expect(temporary.outputs.ModelEndpoint?.Value).toBe('https://model.example/v1');
    expect(temporary.at('Queries/Workgroup').WorkGroupConfiguration.BytesScannedCutoffPerQuery).toBe(2_000_000_000);
    for (const step of ['accept-upload', 'summarize-batch']) {
      expect(temporary.at(`Steps/${step}/Function`).Environment.Variables.MODEL_BASE_URL).toBe('https://model.example/v1');
      expect(deployed.at(`Steps/${step}/Function`).Environment.Variables).not.toHaveProperty('MODEL_BASE_URL');
    }
  });

  test.each([
    ['as it is by default', deployed],
    ['as it is with everything deletable', temporary],
  ])('cdk-nag finds nothing in the stack %s', (_, { stack }) => {
    expect(new AwsSolutionsChecks(stack).validateScope(stack).violations).toEqual([]);
  });
});
