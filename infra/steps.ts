import { Duration, type RemovalPolicy } from 'aws-cdk-lib';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { EnvName } from '../functions/shared/env.ts';
import { reportFiles } from '../functions/shared/report-files.ts';
import type { Settings } from '../functions/shared/settings.ts';
import { defaultMemoryMb } from './default-memory.ts';
import { PipelineFunction } from './pipeline-function.ts';
import { type FunctionName, type StepResources, stepPermissions } from './step-permissions.ts';

/** Longest that Lambda lets a function run: planning, writing and finishing grow with the upload and go on in another call. */
const LAMBDA_LIMIT = Duration.minutes(15);

export interface StepsProps extends StepResources {
  readonly controlTableName: string;
  readonly eventBusName: string;
  /** Name of the deployment. */
  readonly deployment: string;
  /** Name or ARN of the model key's secret. */
  readonly modelKeySecret: string;
  /** Base URL of an OpenAI-compatible endpoint. @default null: OpenAI */
  readonly modelBaseUrl?: string | null;
  /** Model calls in flight in one run. @default 100 */
  readonly modelConcurrency?: number;
  /** Settings that hold where neither dataset nor upload says otherwise. @default none */
  readonly settings?: Partial<Settings>;
  /** Dollars that all runs of one UTC day may cost together. @default null: no cap */
  readonly maxCostUsdPerDay?: number | null;
  /** MiB of memory of single functions. @default defaultMemoryMb */
  readonly memoryMb?: Partial<Record<FunctionName, number>>;
  /** Days that the functions' logs are kept. @default RetentionDays.ONE_MONTH */
  readonly logRetention?: RetentionDays;
  /** What becomes of the functions' logs when the stack goes. @default RETAIN */
  readonly removalPolicy?: RemovalPolicy;
}

/** The functions, each under the name of its folder. */
export class Steps extends Construct {
  readonly acceptUpload: PipelineFunction;
  readonly planBatches: PipelineFunction;
  readonly summarizeBatch: PipelineFunction;
  readonly writeTables: PipelineFunction;
  readonly finishRun: PipelineFunction;
  readonly watchRuns: PipelineFunction;

  constructor(scope: Construct, id: string, props: StepsProps) {
    super(scope, id);
    const values = {
      inputBucket: props.inputBucket.bucketName,
      workBucket: props.workBucket.bucketName,
      resultsBucket: props.resultsBucket.bucketName,
      controlTable: props.controlTableName,
      eventBus: props.eventBusName,
      stateMachine: props.stateMachineArn,
      modelKeySecret: props.modelKeySecret,
      modelBaseUrl: props.modelBaseUrl ?? null,
      modelConcurrency: String(props.modelConcurrency ?? 100),
      deployment: props.deployment,
      runSettings: JSON.stringify(props.settings ?? {}),
      maxCostUsdPerDay: props.maxCostUsdPerDay == null ? null : String(props.maxCostUsdPerDay),
    } satisfies Record<EnvName, string | null>;

    const step = (name: FunctionName, description: string, timeout: Duration, environment: readonly EnvName[]) =>
      new PipelineFunction(this, name, {
        description,
        memorySize: props.memoryMb?.[name] ?? defaultMemoryMb[name],
        timeout,
        environment: Object.fromEntries(['deployment' as const, ...environment].map((variable) => [variable, values[variable]])),
        permissions: stepPermissions[name](props),
        logRetention: props.logRetention,
        removalPolicy: props.removalPolicy,
        files: name === 'finish-run' ? Object.values(reportFiles).map((file) => `report/${file}`) : [],
      });

    this.acceptUpload = step('accept-upload', 'Starts a run for every upload', Duration.minutes(1), [
      'workBucket',
      'inputBucket',
      'stateMachine',
      'modelBaseUrl',
      'runSettings',
      'maxCostUsdPerDay',
    ]);
    this.planBatches = step('plan-batches', 'Cuts an upload, or a level of summaries, into batches', LAMBDA_LIMIT, [
      'inputBucket',
      'workBucket',
      'resultsBucket',
      'controlTable',
      'eventBus',
      'modelConcurrency',
    ]);
    this.summarizeBatch = step('summarize-batch', 'Summarizes batches, one model call each', Duration.minutes(10), [
      'workBucket',
      'controlTable',
      'modelKeySecret',
      'modelBaseUrl',
      'maxCostUsdPerDay',
    ]);
    this.writeTables = step('write-tables', 'Writes one part of the tables', LAMBDA_LIMIT, ['workBucket']);
    this.finishRun = step('finish-run', 'Publishes the tables and closes the run', LAMBDA_LIMIT, [
      'workBucket',
      'resultsBucket',
      'eventBus',
    ]);
    this.watchRuns = step('watch-runs', 'Tells how old the oldest run at work is', Duration.minutes(1), ['stateMachine']);
  }
}
