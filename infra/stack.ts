import { CfnOutput, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import type { Construct } from 'constructs';
import { normalizeEndpoint } from '../functions/shared/endpoint.ts';
import { Buckets } from './buckets.ts';
import { Catalog } from './catalog.ts';
import type { Config } from './config.ts';
import { ControlTable } from './control-table.ts';
import { ModelKey } from './model-key.ts';
import { acknowledgeFindings } from './nag-acknowledgements.ts';
import { QueryWorkgroup } from './query-workgroup.ts';
import { RunClosing } from './run-closing.ts';
import { RunWorkflow, workflowArns } from './run-workflow.ts';
import { accountOutputs, stackOutputs } from './stack-outputs.ts';
import { Steps } from './steps.ts';
import { UploadIntake } from './upload-intake.ts';

export interface HundredfoldStackProps extends StackProps {
  readonly config: Config;
}

/** From the input bucket to SQL: the whole pipeline, wired. */
export class HundredfoldStack extends Stack {
  /** Base of all names. */
  readonly name: string;
  readonly buckets: Buckets;
  readonly modelKey: ModelKey;
  readonly steps: Steps;
  readonly workflow: RunWorkflow;
  readonly intake: UploadIntake;
  readonly closing: RunClosing;

  constructor(scope: Construct, id: string, { config, ...props }: HundredfoldStackProps) {
    super(scope, id, { description: 'Hundredfold: summaries of uploaded texts, a hundred rows a call', ...props });
    const { name, destroyOnDelete, logRetentionDays: logRetention } = config;
    this.name = name;
    const removalPolicy = destroyOnDelete ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN;

    this.buckets = new Buckets(this, 'Buckets', { ...config, accessLogRetentionDays: logRetention });
    const { input, work, results } = this.buckets;
    const { table } = new ControlTable(this, 'Control', { destroyOnDelete });
    this.modelKey = new ModelKey(this, 'ModelKey', { removalPolicy });
    const eventBus = new EventBus(this, 'Events', { eventBusName: name, description: 'What becomes of the runs' });

    this.steps = new Steps(this, 'Steps', {
      inputBucket: input,
      workBucket: work,
      resultsBucket: results,
      controlTableArn: table.tableArn,
      controlTableName: table.tableName,
      modelKeyArn: this.modelKey.secret.secretArn,
      eventBusArn: eventBus.eventBusArn,
      eventBusName: eventBus.eventBusName,
      stateMachineArn: workflowArns(this, name).stateMachine,
      modelBaseUrl: config.modelBaseUrl,
      modelConcurrency: config.modelConcurrency,
      logRetention,
      removalPolicy,
    });
    this.workflow = new RunWorkflow(this, 'Workflow', {
      name,
      functions: {
        'plan-batches': this.steps.planBatches.function,
        'summarize-batch': this.steps.summarizeBatch.function,
        'write-tables': this.steps.writeTables.function,
        'finish-run': this.steps.finishRun.function,
      },
      workBucket: work,
      logRetention,
      removalPolicy,
    });
    const { stateMachine } = this.workflow;
    this.intake = new UploadIntake(this, 'Intake', { inputBucket: input, acceptUpload: this.steps.acceptUpload, removalPolicy });
    this.closing = new RunClosing(this, 'Closing', { stateMachine, finishRun: this.steps.finishRun, removalPolicy });

    const { database } = new Catalog(this, 'Catalog', { databaseName: name.replaceAll('-', '_'), resultsBucket: results });
    const workgroup = new QueryWorkgroup(this, 'Queries', {
      name,
      database,
      resultsBucket: results,
      scanLimitGb: config.athenaScanLimitGb,
    });

    const output = (key: string, value: string, description: string) => new CfnOutput(this, key, { value, description });
    output(stackOutputs.inputBucket, input.bucketName, 'Drop files here');
    output(stackOutputs.workBucket, work.bucketName, 'What the steps leave for each other, and the paid answers');
    output(stackOutputs.resultsBucket, results.bucketName, 'The tables');
    output(accountOutputs.database, database.databaseName, 'Glue database of the tables');
    output(accountOutputs.workgroup, workgroup.name, 'Athena workgroup to query them in');
    output('EventBusName', eventBus.eventBusName, 'Bus that tells what becomes of the runs');
    output(stackOutputs.stateMachine, stateMachine.stateMachineArn, 'The workflow');
    output(
      stackOutputs.endpoint,
      normalizeEndpoint(config.modelBaseUrl ?? undefined),
      'The model endpoint, part of the identity of every run',
    );
    output(accountOutputs.modelKeySecret, this.modelKey.secret.secretName, 'Secret of the model key');
    output('SetModelKeyCommand', this.modelKey.setCommand, 'Run this once, with the key in the file model.key');

    acknowledgeFindings(this);
  }
}
