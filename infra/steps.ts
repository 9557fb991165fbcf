import { Duration, type RemovalPolicy } from 'aws-cdk-lib';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { StepName } from '../functions/shared/contract.ts';
import type { EnvName } from '../functions/shared/env.ts';
import { reportFiles } from '../functions/shared/report-files.ts';
import { PipelineFunction } from './pipeline-function.ts';
import { type StepResources, stepPermissions } from './step-permissions.ts';

type FunctionName = StepName | 'accept-upload';

/** Longest that Lambda lets a function run: planning, writing and finishing grow with the upload and go on in another call. */
const LAMBDA_LIMIT = Duration.minutes(15);

export interface StepsProps extends StepResources {
  readonly controlTableName: string;
  readonly eventBusName: string;
  /** Base URL of an OpenAI-compatible endpoint. @default null: OpenAI */
  readonly modelBaseUrl?: string | null;
  /** Model calls in flight in one run. @default 100 */
  readonly modelConcurrency?: number;
  /** Days that the functions' logs are kept. @default RetentionDays.ONE_MONTH */
  readonly logRetention?: RetentionDays;
  /** What becomes of the functions' logs when the stack goes. @default RETAIN */
  readonly removalPolicy?: RemovalPolicy;
}

/** The five functions, each under the name of its folder. */
export class Steps extends Construct {
  readonly acceptUpload: PipelineFunction;
  readonly planBatches: PipelineFunction;
  readonly summarizeBatch: PipelineFunction;
  readonly writeTables: PipelineFunction;
  readonly finishRun: PipelineFunction;

  constructor(scope: Construct, id: string, props: StepsProps) {
    super(scope, id);
    const values = {
      inputBucket: props.inputBucket.bucketName,
      workBucket: props.workBucket.bucketName,
      resultsBucket: props.resultsBucket.bucketName,
      controlTable: props.controlTableName,
      eventBus: props.eventBusName,
      stateMachine: props.stateMachineArn,
      modelKeySecret: props.modelKeyArn,
      modelBaseUrl: props.modelBaseUrl ?? null,
      modelConcurrency: String(props.modelConcurrency ?? 100),
    } satisfies Record<EnvName, string | null>;

    const step = (name: FunctionName, description: string, memorySize: number, timeout: Duration, environment: readonly EnvName[]) =>
      new PipelineFunction(this, name, {
        description,
        memorySize,
        timeout,
        environment: Object.fromEntries(environment.map((variable) => [variable, values[variable]])),
        permissions: stepPermissions[name](props),
        logRetention: props.logRetention,
        removalPolicy: props.removalPolicy,
        files: name === 'finish-run' ? Object.values(reportFiles).map((file) => `report/${file}`) : [],
      });

    this.acceptUpload = step('accept-upload', 'Starts a run for every upload', 512, Duration.minutes(1), [
      'workBucket',
      'inputBucket',
      'stateMachine',
      'modelBaseUrl',
    ]);
    this.planBatches = step('plan-batches', 'Cuts an upload, or a level of summaries, into batches', 2048, LAMBDA_LIMIT, [
      'inputBucket',
      'workBucket',
      'resultsBucket',
      'controlTable',
      'eventBus',
      'modelConcurrency',
    ]);
    this.summarizeBatch = step('summarize-batch', 'Summarizes batches, one model call each', 512, Duration.minutes(10), [
      'workBucket',
      'controlTable',
      'modelKeySecret',
      'modelBaseUrl',
    ]);
    this.writeTables = step('write-tables', 'Writes one part of the tables', 2048, LAMBDA_LIMIT, ['workBucket']);
    this.finishRun = step('finish-run', 'Publishes the tables and closes the run', 1024, LAMBDA_LIMIT, [
      'workBucket',
      'resultsBucket',
      'eventBus',
    ]);
  }
}
