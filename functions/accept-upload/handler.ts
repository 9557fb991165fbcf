import type { SQSBatchResponse } from 'aws-lambda';
import * as z from 'zod';
import { createS3Client, s3ObjectStore } from '../shared/adapters/s3-object-store.ts';
import { sfnExecutions } from '../shared/adapters/sfn-executions.ts';
import { systemClock } from '../shared/clock.ts';
import { normalizeEndpoint } from '../shared/endpoint.ts';
import { envNames, readEnv } from '../shared/env.ts';
import { lambdaHandler } from '../shared/pipeline-handler.ts';
import { framesOf, withoutWords } from '../shared/step.ts';
import { acceptUpload, objectCreatedEvent } from './accept-upload.ts';

const env = readEnv(['inputBucket', 'workBucket', 'stateMachine', 'runSettings']);
const maxCostUsdPerDay = process.env[envNames.maxCostUsdPerDay] ? readEnv(['maxCostUsdPerDay']).maxCostUsdPerDay : null;
const s3 = createS3Client();
const ports = {
  input: s3ObjectStore(s3, env.inputBucket),
  work: s3ObjectStore(s3, env.workBucket),
  executions: sfnExecutions(env.stateMachine),
  clock: systemClock,
  endpoint: normalizeEndpoint(process.env[envNames.modelBaseUrl]),
  deployment: { settings: env.runSettings, maxCostUsdPerDay },
};

const queueEvent = z.object({ Records: z.array(z.object({ messageId: z.string(), body: z.string() })) });

/** Accepts each message by itself; those that fail go back to the queue, and after some tries to its dead-letter queue. */
export const handler = lambdaHandler(async (event, { log }): Promise<SQSBatchResponse> => {
  const failed: string[] = [];
  for (const { messageId, body } of queueEvent.parse(event).Records) {
    try {
      await acceptUpload(objectCreatedEvent.parse(JSON.parse(body)), { ...ports, log });
    } catch (error) {
      log.warn('message not accepted', { messageId, error: withoutWords(error).name, frames: framesOf(error) });
      failed.push(messageId);
    }
  }
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
});
