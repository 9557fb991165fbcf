import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import type { Database } from 'aws-cdk-lib/aws-glue';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { DeploymentDefaults } from '../functions/accept-upload/accept-upload.ts';
import { normalizeEndpoint } from '../functions/shared/endpoint.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import type { Settings } from '../functions/shared/settings.ts';
import type { AlarmLimits } from './alarm-limits.ts';
import { Alarms, RUNBOOK } from './alarms.ts';
import { Buckets } from './buckets.ts';
import { Catalog } from './catalog.ts';
import { ControlTable } from './control-table.ts';
import { Dashboard } from './dashboard.ts';
import { DEFAULT_NAME } from './default-name.ts';
import { deploymentSettings, requireKnownPrice } from './deployment-settings.ts';
import { ModelKey } from './model-key.ts';
import { acknowledgeFindings } from './nag-acknowledgements.ts';
import { QueryWorkgroup } from './query-workgroup.ts';
import { RunClosing } from './run-closing.ts';
import { RunWatch } from './run-watch.ts';
import { RunWorkflow, workflowArns } from './run-workflow.ts';
import type { FunctionName } from './step-permissions.ts';
import { Steps } from './steps.ts';
import { UploadIntake } from './upload-intake.ts';

export interface HundredfoldProps {
  /** Base of all names; each deployment of an account and region needs one of its own. @default 'hundredfold' */
  readonly name?: string;
  /** Base URL of an OpenAI-compatible endpoint. @default OpenAI's own */
  readonly modelBaseUrl?: string | null;
  /** A secret of yours that holds the model key: the key itself, or JSON with it under `apiKey`. @default a new one, to be filled */
  readonly modelKeySecret?: ISecret;
  /** Settings of all runs (model, maxCostUsd ...) where neither dataset nor upload says otherwise. @default none: those of the README */
  readonly settings?: Partial<Omit<Settings, 'upload'>>;
  /** Dollars that all runs of one UTC day may cost together; what comes after is halted and can be taken up. @default no cap */
  readonly maxCostUsdPerDay?: number | null;
  /** Model calls in flight in one run. @default 100 */
  readonly modelConcurrency?: number;
  /** MiB of memory of single functions. @default defaultMemoryMb */
  readonly memoryMb?: Partial<Record<FunctionName, number>>;
  /** A bucket of yours for the uploads. It must keep versions and tell EventBridge of new objects. @default a new one */
  readonly inputBucket?: IBucket;
  /** A bucket of yours for the tables, of no other deployment. @default a new one */
  readonly resultsBucket?: IBucket;
  /** Key for the objects of the new buckets; buckets that you bring tell of their own. @default S3's own */
  readonly encryptionKey?: IKey;
  /** Scanned GB at which an Athena query is cancelled. @default 10 */
  readonly athenaScanLimitGb?: number;
  /** Days until what the steps leave for each other is deleted. A run can be continued until then. @default 30 */
  readonly runRetentionDays?: number;
  /** Days until a paid answer is deleted and would be paid for again. @default 400 */
  readonly contentRetentionDays?: number;
  /** Days until a version of an upload that was replaced or deleted is gone. @default 90 */
  readonly oldVersionRetentionDays?: number;
  /** Days that function logs, workflow logs and access logs are kept. @default RetentionDays.ONE_MONTH */
  readonly logRetentionDays?: RetentionDays;
  /** Topic that the alarms tell. @default none: they are in the console alone */
  readonly alarmTopic?: ITopic;
  /** When the alarms ring. @default alarmDefaults of alarm-limits.ts */
  readonly alarmLimits?: AlarmLimits;
  /** Address of the runbook, before the anchor, as the alarms write it. @default 'docs/runbook.md' */
  readonly runbook?: string;
  /** Deletes buckets with all they hold, the control table, the key and the logs together with the stack. @default false */
  readonly destroyOnDelete?: boolean;
}

/**
 * From the input bucket to SQL: the whole pipeline, wired.
 *
 * ```ts
 * const { buckets, eventBus } = new Hundredfold(this, 'Hundredfold', { name: 'reviews', settings: { maxCostUsd: 5 } });
 * ```
 */
export class Hundredfold extends Construct {
  /** Base of all names. */
  readonly name: string;
  /** Normalized base URL of the endpoint, part of the identity of every run. */
  readonly endpoint: string;
  /** What all runs are given. */
  readonly deployment: DeploymentDefaults;
  readonly buckets: Buckets;
  readonly modelKey: ModelKey;
  /** Tells what becomes of the runs. */
  readonly eventBus: EventBus;
  readonly steps: Steps;
  readonly workflow: RunWorkflow;
  readonly intake: UploadIntake;
  readonly closing: RunClosing;
  /** Of the tables. */
  readonly database: Database;
  readonly workgroup: QueryWorkgroup;
  readonly alarms: Alarms;

  /** @throws ConfigError: a setting is wrong, a budget cannot be held, or the stack has a pipeline of that name. */
  constructor(scope: Construct, id: string, props: HundredfoldProps = {}) {
    super(scope, id);
    const { name = DEFAULT_NAME, destroyOnDelete = false, logRetentionDays: logRetention, maxCostUsdPerDay = null } = props;
    requireUniqueName(this, name);
    requireKnownPrice(props);
    this.name = name;
    this.endpoint = normalizeEndpoint(props.modelBaseUrl ?? undefined);
    this.deployment = { settings: deploymentSettings(props.settings ?? {}), maxCostUsdPerDay };
    const removalPolicy = destroyOnDelete ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN;

    this.buckets = new Buckets(this, 'Buckets', { ...props, ...(logRetention && { accessLogRetentionDays: logRetention }) });
    const { input, work, results } = this.buckets;
    const { table } = new ControlTable(this, 'Control', { destroyOnDelete });
    this.modelKey = new ModelKey(this, 'ModelKey', { ...(props.modelKeySecret && { secret: props.modelKeySecret }), removalPolicy });
    this.eventBus = new EventBus(this, 'Events', { eventBusName: name, description: 'What becomes of the runs' });

    this.steps = new Steps(this, 'Steps', {
      ...{ inputBucket: input, workBucket: work, resultsBucket: results },
      ...{ controlTableArn: table.tableArn, controlTableName: table.tableName },
      ...{ modelKeyArn: this.modelKey.arnInPolicies, modelKeySecret: this.modelKey.reference },
      ...{ eventBusArn: this.eventBus.eventBusArn, eventBusName: this.eventBus.eventBusName },
      stateMachineArn: workflowArns(this, name).stateMachine,
      deployment: name,
      ...{ modelBaseUrl: props.modelBaseUrl ?? null, modelConcurrency: props.modelConcurrency, memoryMb: props.memoryMb },
      ...{ settings: this.deployment.settings, maxCostUsdPerDay, logRetention, removalPolicy },
    });
    const { encryptionKey: secretKey } = this.modelKey.secret;
    if (secretKey) secretKey.grantDecrypt(this.steps.summarizeBatch.role);
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
    new RunWatch(this, 'Watch', { watchRuns: this.steps.watchRuns });

    this.database = new Catalog(this, 'Catalog', { databaseName: name.replaceAll('-', '_'), resultsBucket: results }).database;
    this.workgroup = new QueryWorkgroup(this, 'Queries', {
      name,
      database: this.database,
      resultsBucket: results,
      scanLimitGb: props.athenaScanLimitGb,
    });

    const { queue, unaccepted, undelivered } = this.intake;
    const { unclosed } = this.closing;
    this.alarms = new Alarms(this, 'Alarms', {
      deployment: name,
      deadLetterQueues: { uploadNotAccepted: unaccepted, uploadNotDelivered: undelivered, runNotClosed: unclosed },
      stateMachine,
      topic: props.alarmTopic,
      limits: props.alarmLimits,
      runbook: props.runbook ?? RUNBOOK,
    });
    new Dashboard(this, 'Dashboard', {
      deployment: name,
      alarms: [...this.alarms.alarms.values()],
      queues: { uploads: queue, 'not accepted': unaccepted, 'not delivered': undelivered, 'not closed': unclosed },
    });

    acknowledgeFindings(this);
  }
}

/** @throws ConfigError: another pipeline of the stack has the name, or nothing in AWS may have it. */
function requireUniqueName(pipeline: Hundredfold, name: string): void {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) {
    throw new ConfigError(`name: must be 1 to 32 lower-case letters, digits and hyphens, a letter first, not "${name}"`, {
      code: 'invalid_name',
    });
  }
  const others = Stack.of(pipeline)
    .node.findAll()
    .filter((construct) => construct instanceof Hundredfold && construct !== pipeline);
  if (others.some((other) => (other as Hundredfold).name === name)) {
    throw new ConfigError(`name: the stack has a pipeline "${name}" already; give one of them another name`, { code: 'invalid_name' });
  }
}
