import { expect, test } from '@jest/globals';
import { AwsSolutionsChecks } from 'cdk-nag';
import { NotifyStack } from '../../examples/notify/notify-stack.ts';
import type { RunEvent } from '../../functions/shared/run-event.ts';
import { delivered, exampleEvents } from '../../local/event-reference.ts';
import { synthesizeStack } from '../infra/synthesized.ts';
import { matchesForeign, matchingTypes } from './event-pattern.ts';

const deployed = synthesizeStack((app) => new NotifyStack(app, 'notify', { eventBusName: 'hundredfold-test', email: 'you@example.com' }));
const rule = deployed.at('Completed');

test('the rule on the bus lets pass what completed, and nothing else', () => {
  expect(rule).toMatchObject({ EventBusName: 'hundredfold-test', State: 'ENABLED' });
  expect(matchingTypes(rule.EventPattern)).toEqual(['Run Completed']);
  expect(matchesForeign(rule.EventPattern)).toBe(false);
});

test('what passes goes to the topic, or to a dead-letter queue; the topic goes to the address', () => {
  expect(rule.Targets).toEqual([expect.objectContaining({ Arn: '<Runs>', DeadLetterConfig: { Arn: '<Undelivered.Arn>' } })]);
  expect(deployed.ofType('AWS::SNS::Subscription').map(([, { Properties }]) => Properties)).toEqual([
    { Protocol: 'email', Endpoint: 'you@example.com', TopicArn: '<Runs>' },
  ]);
  const statements = (type: string) => deployed.ofType(type).flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
  expect(statements('AWS::IAM::Policy')).toEqual([{ Effect: 'Allow', Action: 'sns:Publish', Resource: '<Runs>' }]);
  expect(statements('AWS::SNS::TopicPolicy').map(({ Effect }) => Effect)).toEqual(['Deny']);
});

/** The message as EventBridge makes it: each `<name>` of the template is the value at its path. */
function messageOf(event: RunEvent): string {
  const { InputPathsMap, InputTemplate } = rule.Targets[0].InputTransformer;
  const valueAt = (path: string) =>
    path
      .replace(/^\$\./, '')
      .split('.')
      .reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], delivered(event));
  return JSON.parse(InputTemplate.replace(/<([^<>]+)>/g, (_: string, name: string) => String(valueAt(InputPathsMap[name]))));
}

test('the message is a sentence with a query', () => {
  const { query } = exampleEvents['Run Completed'].detail;
  expect(messageOf(exampleEvents['Run Completed'])).toBe(
    `Run july-0123456789abcdef is complete: 24960 of 25000 rows summarized in 250 batches, 0 failed, 40 rejected. Look at it in Athena: ${query}`,
  );
});

test('names that hold quotes do not break the message', () => {
  const { type, detail } = exampleEvents['Run Completed'];
  const source = { ...detail.source, key: 'a "quoted"\\name.csv' };
  expect(() => messageOf({ type, detail: { ...detail, dataset: '"', source } })).not.toThrow();
});

test('without an address there is only the topic', () => {
  expect(
    synthesizeStack((app) => new NotifyStack(app, 'notify', { eventBusName: 'hundredfold' })).ofType('AWS::SNS::Subscription'),
  ).toEqual([]);
});

test('cdk-nag finds nothing', () => {
  expect(new AwsSolutionsChecks(deployed.stack).validateScope(deployed.stack).violations).toEqual([]);
});
