import type { EventBridgeEvent } from 'aws-lambda';
import { createS3Client, s3ObjectStore } from '../../functions/shared/adapters/s3-object-store.ts';
import { readEnv } from '../../functions/shared/env.ts';
import { writeDigest } from './digest.ts';

const { resultsBucket } = readEnv(['resultsBucket']);
const results = s3ObjectStore(createS3Client(), resultsBucket);

export const handler = async ({ detail }: EventBridgeEvent<'Run Completed', unknown>) => ({ key: await writeDigest(detail, results) });
