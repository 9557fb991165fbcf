import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { eventBridgeEventSink } from '../shared/adapters/eventbridge-event-sink.ts';
import { createS3Client, s3ObjectStore } from '../shared/adapters/s3-object-store.ts';
import { systemClock } from '../shared/clock.ts';
import { readEnv } from '../shared/env.ts';
import { pipelineHandler } from '../shared/pipeline-handler.ts';
import { finishInput } from './ended-execution.ts';
import { finishRun } from './finish-run.ts';

const env = readEnv(['workBucket', 'resultsBucket', 'eventBus']);
const s3 = createS3Client();
const ports = {
  work: s3ObjectStore(s3, env.workBucket),
  results: s3ObjectStore(s3, env.resultsBucket),
  events: eventBridgeEventSink(new EventBridgeClient(), env.eventBus),
  clock: systemClock,
};

export const handler = pipelineHandler(
  'finish-run',
  (input, { log, metrics }) => finishRun(input, { ...ports, log, metrics }),
  (event) => finishInput(event, ports.work),
);
