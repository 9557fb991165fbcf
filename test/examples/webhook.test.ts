import { expect, test } from '@jest/globals';
import { AwsSolutionsChecks } from 'cdk-nag';
import { WebhookStack } from '../../examples/webhook/webhook-stack.ts';
import { synthesizeStack } from '../infra/synthesized.ts';
import { matchesForeign, matchingTypes } from './event-pattern.ts';

const deployed = synthesizeStack(
  (app) => new WebhookStack(app, 'webhook', { eventBusName: 'hundredfold-test', url: 'https://example.com/hook', secretName: 'hook-key' }),
);
const rule = deployed.at('Ended');

test('the rule on the bus lets every end pass, and no start', () => {
  expect(rule).toMatchObject({ EventBusName: 'hundredfold-test', State: 'ENABLED' });
  expect(matchingTypes(rule.EventPattern)).toEqual(['Run Completed', 'Run Failed', 'Run Halted', 'Upload Rejected']);
  expect(matchesForeign(rule.EventPattern)).toBe(false);
});

test('what passes is posted whole, tried for a day, and then set aside', () => {
  const [target, ...more] = rule.Targets;
  expect(more).toEqual([]);
  expect(target).toMatchObject({
    Arn: '<Webhook/ApiDestination.Arn>',
    RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 100 },
    DeadLetterConfig: { Arn: '<Undelivered.Arn>' },
  });
  expect(Object.keys(target).filter((key) => key.startsWith('Input'))).toEqual([]);
  expect(deployed.at('Webhook/ApiDestination')).toMatchObject({
    ...{ ConnectionArn: '<Connection/Connection.Arn>', HttpMethod: 'POST', InvocationEndpoint: 'https://example.com/hook' },
  });
});

test('the value of the header is a reference to the secret, not the secret', () => {
  expect(deployed.at('Connection/Connection')).toMatchObject({
    AuthorizationType: 'API_KEY',
    AuthParameters: {
      ApiKeyAuthParameters: { ApiKeyName: 'Authorization', ApiKeyValue: '{{resolve:secretsmanager:hook-key:SecretString:::}}' },
    },
  });
});

test('the rule may call this address and do nothing else', () => {
  const statements = deployed.ofType('AWS::IAM::Policy').flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
  expect(statements).toEqual([{ Action: 'events:InvokeApiDestination', Effect: 'Allow', Resource: '<Webhook/ApiDestination.Arn>' }]);
});

test('cdk-nag finds nothing', () => {
  expect(new AwsSolutionsChecks(deployed.stack).validateScope(deployed.stack).violations).toEqual([]);
});
