import { ArnFormat, Aws, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { DefinitionBody, LogLevel, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { StepName } from '../functions/shared/contract.ts';
import { keyPatterns, useKeys } from './step-permissions.ts';
import { stateNames, workflowDefinition } from './workflow.ts';

export interface RunWorkflowProps {
  /** Name of the state machine. It is given, so that ARNs are known before the state machine is. */
  readonly name: string;
  /** The function behind each step. */
  readonly functions: Readonly<Record<StepName, IFunction>>;
  /** Bucket with the manifests that the maps read and the results that they write. */
  readonly workBucket: IBucket;
  /** Days that the log is kept. @default RetentionDays.ONE_MONTH */
  readonly logRetention?: RetentionDays;
  /** What becomes of the log when the stack goes. @default RETAIN */
  readonly removalPolicy?: RemovalPolicy;
}

/** ARNs of the state machine `name` and of its executions, before it exists. */
export function workflowArns(scope: Construct, name: string) {
  const arn = (resource: string, resourceName: string) =>
    Stack.of(scope).formatArn({ service: 'states', resource, resourceName, arnFormat: ArnFormat.COLON_RESOURCE_NAME });
  return {
    stateMachine: arn('stateMachine', name),
    executions: arn('execution', `${name}:*`),
    /** Executions that a distributed map started. */
    childExecutions: (label: string) => arn('execution', `${name}/${label}:*`),
  };
}

/** The state machine of workflow.ts: its role may start children, call the four steps, read manifests and write the maps' results. */
export class RunWorkflow extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, { name, functions, workBucket, ...props }: RunWorkflowProps) {
    super(scope, id);
    const functionArns = Object.fromEntries(Object.entries(functions).map(([step, { functionArn }]) => [step, functionArn]));
    const definition = workflowDefinition({
      functions: functionArns as Record<StepName, string>,
      workBucket: workBucket.bucketName,
      partition: Aws.PARTITION,
    });

    const log = new LogGroup(this, 'Log', {
      // The prefix keeps the account's log resource policy short; the stack's own number lets a kept log and a new one live together.
      logGroupName: `/aws/vendedlogs/states/${name}-${Fn.select(0, Fn.split('-', Fn.select(2, Fn.split('/', Aws.STACK_ID))))}`,
      retention: props.logRetention ?? RetentionDays.ONE_MONTH,
      removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
    });
    this.stateMachine = new StateMachine(this, 'StateMachine', {
      stateMachineName: name,
      definitionBody: DefinitionBody.fromString(Stack.of(this).toJsonString(definition)),
      // Without execution data: payloads may carry customers' words.
      logs: { destination: log, level: LogLevel.ALL, includeExecutionData: false },
    });

    const allow = (actions: string[], ...resources: string[]) =>
      this.stateMachine.addToRolePolicy(new PolicyStatement({ actions, resources }));
    allow(['lambda:InvokeFunction'], ...Object.values(functionArns));
    allow(['s3:GetObject'], workBucket.arnForObjects(keyPatterns.runs));
    // Source: Step Functions developer guide, "IAM policies for using Distributed Map states".
    allow(['s3:PutObject', 's3:ListMultipartUploadParts', 's3:AbortMultipartUpload'], workBucket.arnForObjects(keyPatterns.childResults));
    for (const statement of useKeys(workBucket)) this.stateMachine.addToRolePolicy(statement);
    const arns = workflowArns(this, name);
    allow(['states:StartExecution'], arns.stateMachine);
    allow(['states:DescribeExecution', 'states:StopExecution'], arns.executions);
    allow(['states:RedriveExecution'], ...[stateNames.summarizeAll, stateNames.writeAll].map(arns.childExecutions));
  }
}
