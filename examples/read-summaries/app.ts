import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { ReadSummariesStack } from './read-summaries-stack.ts';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

const resultsBucketName = app.node.tryGetContext('results');
if (!resultsBucketName) throw new Error('Name the results bucket, an output of the pipeline: -c results=BUCKET');
new ReadSummariesStack(app, 'hundredfold-read-summaries', {
  eventBusName: app.node.tryGetContext('bus') ?? 'hundredfold',
  resultsBucketName,
});
