import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { dynamoDbControl } from '../shared/adapters/dynamodb-control.ts';
import { eventBridgeEventSink } from '../shared/adapters/eventbridge-event-sink.ts';
import { createS3Client, s3ObjectStore } from '../shared/adapters/s3-object-store.ts';
import { readEnv } from '../shared/env.ts';
import { pipelineHandler } from '../shared/pipeline-handler.ts';
import { planBatches } from './plan-batches.ts';

const env = readEnv(['inputBucket', 'workBucket', 'resultsBucket', 'controlTable', 'eventBus', 'modelConcurrency']);
const s3 = createS3Client();
const ports = {
  input: s3ObjectStore(s3, env.inputBucket),
  work: s3ObjectStore(s3, env.workBucket),
  resultsBucket: env.resultsBucket,
  control: dynamoDbControl(new DynamoDBClient(), env.controlTable),
  events: eventBridgeEventSink(new EventBridgeClient(), env.eventBus),
  concurrency: env.modelConcurrency,
};

export const handler = pipelineHandler('plan-batches', (input, { isTimeShort }) => planBatches(input, { ...ports, isTimeShort }));
