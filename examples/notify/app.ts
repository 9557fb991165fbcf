import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { NotifyStack } from './notify-stack.ts';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

new NotifyStack(app, 'hundredfold-notify', {
  eventBusName: app.node.tryGetContext('bus') ?? 'hundredfold',
  email: app.node.tryGetContext('email'),
});
