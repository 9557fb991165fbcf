import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { dynamoDbControl } from '../shared/adapters/dynamodb-control.ts';
import { dynamoDbRateLimiter } from '../shared/adapters/dynamodb-rate-limiter.ts';
import { modelKey } from '../shared/adapters/model-key.ts';
import { openAiSummarizer } from '../shared/adapters/openai-summarizer.ts';
import { createS3Client, s3ObjectStore } from '../shared/adapters/s3-object-store.ts';
import { systemClock } from '../shared/clock.ts';
import { envNames, readEnv } from '../shared/env.ts';
import { pipelineHandler } from '../shared/pipeline-handler.ts';
import { Breaker } from './breaker.ts';
import { summarizeBatch } from './summarize-batch.ts';

const env = readEnv(['workBucket', 'controlTable', 'modelKeySecret']);
const baseUrl = process.env[envNames.modelBaseUrl] ? readEnv(['modelBaseUrl']).modelBaseUrl : undefined;
const dynamoDb = new DynamoDBClient();
const maxCostUsdPerDay = process.env[envNames.maxCostUsdPerDay] ? readEnv(['maxCostUsdPerDay']).maxCostUsdPerDay : null;
const control = dynamoDbControl(dynamoDb, env.controlTable, { maxCostUsdPerDay });
const ports = {
  work: s3ObjectStore(createS3Client(), env.workBucket),
  control,
  breaker: new Breaker(control),
  rate: dynamoDbRateLimiter(dynamoDb, env.controlTable),
  summarizer: openAiSummarizer({ apiKey: modelKey(new SecretsManagerClient(), env.modelKeySecret), baseUrl }),
  clock: systemClock,
};

export const handler = pipelineHandler('summarize-batch', (input, { signal, log, metrics }) =>
  summarizeBatch(input, { ...ports, log, metrics }, signal),
);
