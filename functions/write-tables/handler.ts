import { createS3Client, s3ObjectStore } from '../shared/adapters/s3-object-store.ts';
import { readEnv } from '../shared/env.ts';
import { pipelineHandler } from '../shared/pipeline-handler.ts';
import { writeTables } from './write-tables.ts';

const env = readEnv(['workBucket']);
const ports = { work: s3ObjectStore(createS3Client(), env.workBucket) };

export const handler = pipelineHandler('write-tables', (input) => writeTables(input, ports));
