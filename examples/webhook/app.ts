import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { WebhookStack } from './webhook-stack.ts';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

const url = app.node.tryGetContext('url');
if (!url) throw new Error('Name the address to call: -c url=https://example.com/hook');
new WebhookStack(app, 'hundredfold-webhook', {
  eventBusName: app.node.tryGetContext('bus') ?? 'hundredfold',
  url,
  secretName: app.node.tryGetContext('secret') ?? 'hundredfold-webhook',
});
