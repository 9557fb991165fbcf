import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { AlarmTopic } from './alarm-topic.ts';
import type { Config } from './config.ts';
import { Hundredfold } from './hundredfold.ts';
import { accountOutputs, stackOutputs } from './stack-outputs.ts';

export interface HundredfoldStackProps extends StackProps {
  readonly config: Config;
}

/** One pipeline as the configuration wants it, with what is brought along found by its name. */
export class HundredfoldStack extends Stack {
  readonly pipeline: Hundredfold;

  constructor(scope: Construct, id: string, { config, ...props }: HundredfoldStackProps) {
    super(scope, id, { description: 'Hundredfold: summaries of uploaded texts, a hundred rows a call', ...props });
    const { inputBucketName, resultsBucketName, encryptionKeyArn, modelKeySecret, ...rest } = config;
    const encryptionKey = encryptionKeyArn === null ? undefined : Key.fromKeyArn(this, 'EncryptionKey', encryptionKeyArn);
    const bucket = (role: string, bucketName: string | null): IBucket | undefined =>
      bucketName === null ? undefined : Bucket.fromBucketAttributes(this, role, { bucketName, encryptionKey });

    this.pipeline = new Hundredfold(this, 'Hundredfold', {
      ...rest,
      inputBucket: bucket('InputBucket', inputBucketName),
      resultsBucket: bucket('ResultsBucket', resultsBucketName),
      encryptionKey,
      modelKeySecret: this.secret(modelKeySecret),
      alarmTopic: this.alarmTopic(config),
      alarmLimits: {
        runHours: config.alarmRunHours,
        throttledPercentage: config.alarmThrottledPercentage,
        errorPercentage: config.alarmErrorPercentage,
        spendUsdPerHour: config.alarmSpendUsdPerHour,
      },
    });
    this.tellOutputs();
  }

  private secret(nameOrArn: string | null): ISecret | undefined {
    if (nameOrArn === null) return undefined;
    return nameOrArn.startsWith('arn:')
      ? Secret.fromSecretCompleteArn(this, 'ModelKeySecret', nameOrArn)
      : Secret.fromSecretNameV2(this, 'ModelKeySecret', nameOrArn);
  }

  private alarmTopic({ alarmEmail, alarmTopicArn }: Config): ITopic | undefined {
    if (alarmTopicArn !== null) return Topic.fromTopicArn(this, 'AlarmTopic', alarmTopicArn);
    return alarmEmail === null ? undefined : new AlarmTopic(this, 'AlarmTopic', { email: alarmEmail }).topic;
  }

  private tellOutputs() {
    const { buckets, database, workgroup, eventBus, workflow, endpoint, deployment, modelKey } = this.pipeline;
    const output = (key: string, value: string, description: string) => new CfnOutput(this, key, { value, description });
    output(stackOutputs.inputBucket, buckets.input.bucketName, 'Drop files here');
    output(stackOutputs.workBucket, buckets.work.bucketName, 'What the steps leave for each other, and the paid answers');
    output(stackOutputs.resultsBucket, buckets.results.bucketName, 'The tables');
    output(accountOutputs.database, database.databaseName, 'Glue database of the tables');
    output(accountOutputs.workgroup, workgroup.name, 'Athena workgroup to query them in');
    output('EventBusName', eventBus.eventBusName, 'Bus that tells what becomes of the runs');
    output(stackOutputs.stateMachine, workflow.stateMachine.stateMachineArn, 'The workflow');
    output(stackOutputs.endpoint, endpoint, 'The model endpoint, part of the identity of every run');
    output(stackOutputs.deployment, JSON.stringify(deployment), 'Settings and daily budget of all runs');
    output(accountOutputs.modelKeySecret, modelKey.secret.secretName, 'Secret of the model key');
    if (modelKey.isOwn) output('SetModelKeyCommand', modelKey.setCommand, 'Run this once, with the key in the file model.key');
  }
}
