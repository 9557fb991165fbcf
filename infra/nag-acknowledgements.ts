import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Hundredfold } from './hundredfold.ts';
import { workflowArns } from './run-workflow.ts';
import { keyPatterns } from './step-permissions.ts';
import { stateNames } from './workflow.ts';

/** Acknowledges every finding of AwsSolutions that stands, each with its reason. A finding that is not here fails the synthesis. */
export function acknowledgeFindings({ name, buckets, closing, intake, modelKey, steps, workflow }: Hundredfold): void {
  if (modelKey.isOwn)
    acknowledge(
      modelKey,
      'AwsSolutions-SMG4',
      'The key belongs to the model endpoint, which AWS cannot ask for a new one; its owner sets it.',
    );
  acknowledge(workflow, 'AwsSolutions-SF2', 'X-Ray does not cover Distributed Map, where all the work is; the log has level ALL.');
  acknowledge(intake.undelivered, 'AwsSolutions-SQS3', 'It is the dead-letter queue of a rule, which the check does not look at.');
  acknowledge(
    closing.unclosed,
    'AwsSolutions-SQS3',
    'It is the dead-letter queue of a rule and a function, which the check does not look at.',
  );

  const { input, work, results } = buckets;
  const perRun = 'The wildcards stand for the run and for what lies under it: neither is known before it runs.';
  acknowledgeWildcard(steps, input.arnForObjects('*'), 'Uploads lie under any key. They are read, never written, and pinned to a version.');
  for (const pattern of Object.values(keyPatterns))
    if (pattern.startsWith('runs/')) acknowledgeWildcard(steps, work.arnForObjects(pattern), perRun);
  acknowledgeWildcard(steps, work.arnForObjects(keyPatterns.summaries), 'The key of a paid answer is the hash of what was asked.');
  for (const pattern of [keyPatterns.tables, keyPatterns.reports]) acknowledgeWildcard(steps, results.arnForObjects(pattern), perRun);

  const arns = workflowArns(workflow, name);
  const children = 'Step Functions names the children of a Distributed Map itself; the state machine and the map are given.';
  acknowledgeWildcard(workflow, work.arnForObjects(keyPatterns.runs), perRun);
  acknowledgeWildcard(workflow, work.arnForObjects(keyPatterns.childResults), perRun);
  acknowledgeWildcard(workflow, arns.executions, children);
  acknowledgeWildcard(workflow, arns.childExecutions(stateNames.summarizeAll), children);
  acknowledgeWildcard(workflow, arns.childExecutions(stateNames.writeAll), children);
  acknowledgeWildcard(
    workflow,
    '*',
    'The actions that set up log delivery know no resource. Source: Step Functions developer guide, "Logging".',
  );
}

function acknowledge(construct: IConstruct, id: string, reason: string): void {
  Validations.of(construct).acknowledge({ id, reason });
}

/** Acknowledges one ARN with a wildcard in the policies below a construct, and no other. */
function acknowledgeWildcard(construct: IConstruct, arn: string, reason: string): void {
  acknowledge(construct, `AwsSolutions-IAM5[Resource::${flat(Stack.of(construct).resolve(arn))}]`, reason);
}

type Reference = string | { Ref: string } | { 'Fn::GetAtt': [string, string] } | { 'Fn::Join': [string, Reference[]] };

/** @returns the ARN as the check writes it: references in angle brackets. */
function flat(reference: Reference): string {
  if (typeof reference === 'string') return reference;
  if ('Ref' in reference) return `<${reference.Ref}>`;
  if ('Fn::GetAtt' in reference) return `<${reference['Fn::GetAtt'].join('.')}>`;
  const [separator, parts] = reference['Fn::Join'];
  return parts.map(flat).join(separator);
}
