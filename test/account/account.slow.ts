import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type ControlTable, openControlTable } from '../contracts/control-table.ts';
import { type S3Server, startS3Server } from '../fakes/s3-server/server.ts';
import { openAccount } from './account.ts';
import { openPipeline } from './pipeline.ts';

let s3: S3Server;
let table: ControlTable;
beforeEach(async () => {
  s3 = await startS3Server({ buckets: {} });
  table = await openControlTable();
});
afterEach(async () => {
  delete process.env.AWS_ENDPOINT_URL_S3;
  delete process.env.AWS_ENDPOINT_URL_DYNAMODB;
  await table.close();
  await s3.close();
});

test('where the environment names servers, the pipeline runs against those, in buckets and a table that are made there', async () => {
  const { hostname, port } = await table.client.config.endpoint!();
  process.env.AWS_ENDPOINT_URL_S3 = s3.endpoint;
  process.env.AWS_ENDPOINT_URL_DYNAMODB = `http://${hostname}:${port}`;
  const account = await openAccount('http://127.0.0.1:9/v1');
  const pipeline = await openPipeline(account);
  const [run] = await pipeline.drop('support/empty.csv', 'id,review\n');
  expect((await pipeline.execute(run!)).output).toMatchObject({ status: 'rejected' });
  expect(s3.bucket(account.buckets.input).isVersioned).toBe(true);
  expect(
    s3
      .bucket(account.buckets.results)
      .keys()
      .filter((key) => key.startsWith('tables/')),
  ).toHaveLength(1);
  await account.close();
});
