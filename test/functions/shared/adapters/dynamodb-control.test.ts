import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { dynamoDbControl } from '../../../../functions/shared/adapters/dynamodb-control.ts';
import { type ControlTable, openControlTable } from '../../../contracts/control-table.ts';
import { loopbackServer, sendJson } from './loopback-server.ts';

let table: ControlTable;
beforeAll(async () => {
  table = await openControlTable();
});
afterAll(() => table.close());

async function item(runId: string) {
  const { Item } = await table.client.send(new GetItemCommand({ TableName: table.tableName, Key: { pk: { S: `run#${runId}` } } }));
  return Item;
}

test('a run is one item, kept for 90 days after its last call', async () => {
  let now = Date.UTC(2026, 10, 23);
  const control = dynamoDbControl(table.client, table.tableName, { now: () => now });
  const request = { runId: 'july-1', attempt: 1, reserveUsd: 0.25, capUsd: 1, day: '2026-11-26' };
  await control.reserve(request);
  const money = (spent: string, reserved: string) => ({ spentNano: { N: spent }, reservedNano: { N: reserved } });
  const pk = { S: 'run#july-1' };
  expect(await item('july-1')).toEqual({ pk, ...money('250000000', '250000000'), expiresAt: { N: '1803168000' } });
  now += 10_000;
  await control.settle(request, 0.00000005);
  expect(await item('july-1')).toEqual({ pk, ...money('50', '0'), expiresAt: { N: '1803168010' } });
  now += 10_000;
  await control.halt('july-1', 1, 'user');
  expect(await item('july-1')).toMatchObject({ halt_1: { S: 'user' }, expiresAt: { N: '1803168020' } });
  now += 10_000;
  await control.count('july-1', 1, false);
  expect(await item('july-1')).toMatchObject({ summarized_1: { N: '0' }, failed_1: { N: '1' }, expiresAt: { N: '1803168030' } });
});

test('an error of the table is not taken for a refusal', async () => {
  const control = dynamoDbControl(table.client, 'no-such-table');
  await expect(control.reserve({ runId: 'r', attempt: 1, reserveUsd: 0, capUsd: 1, day: '2026-11-26' })).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
});

test.each([
  ['the halt', { halt_1: { S: 'user' }, spentNano: { N: '5' } }, 'user'],
  ['the budget', { halt_2: { S: 'user' }, spentNano: { N: '900000001' } }, 'budget_exceeded'],
  ['the budget, whatever is in flight', { spentNano: { N: '1000000001' }, reservedNano: { N: '100000000' } }, 'budget_exceeded'],
  ['the calls in flight', { spentNano: { N: '1000000000' }, reservedNano: { N: '100000000' } }, null],
])('a refusal by %s is told from the item that comes with it, in one request', async (_name, Item, stopReason) => {
  // dynalite does not return the item, DynamoDB does.
  const server = await loopbackServer((_request, response) =>
    sendJson(response, 400, { __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException', message: 'no', Item }),
  );
  const client = new DynamoDBClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const control = dynamoDbControl(client, 'control');
  expect(await control.reserve({ runId: 'july', attempt: 1, reserveUsd: 0.1, capUsd: 1, day: '2026-11-26' })).toEqual({
    granted: false,
    stopReason,
    ...(stopReason === null && { heldBy: 'budget_exceeded' }),
  });
  expect(server.requests).toHaveLength(1);
  expect(JSON.parse(server.requests[0]!.body)).toMatchObject({ ReturnValuesOnConditionCheckFailure: 'ALL_OLD' });
  client.destroy();
  await server.close();
});
