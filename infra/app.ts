import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { CONTEXT_KEY, readConfig } from './config.ts';
import { HundredfoldStack } from './stack.ts';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

const config = readConfig(app.node.tryGetContext(CONTEXT_KEY));
new HundredfoldStack(app, config.name, { config });
