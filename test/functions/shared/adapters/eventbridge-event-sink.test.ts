import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventBridgeEventSink } from '../../../../functions/shared/adapters/eventbridge-event-sink.ts';
import { exampleEvents } from '../../../../local/event-reference.ts';
import { type LoopbackServer, loopbackServer, sendJson } from './loopback-server.ts';

const event = exampleEvents['Run Completed'];

let server: LoopbackServer;
let client: EventBridgeClient;
let answer: object;
beforeAll(async () => {
  server = await loopbackServer((_request, response) => sendJson(response, 200, answer, { 'content-type': 'application/x-amz-json-1.1' }));
  client = new EventBridgeClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
});
afterAll(async () => {
  client.destroy();
  await server.close();
});

test('an event is one entry of one request', async () => {
  answer = { FailedEntryCount: 0, Entries: [{ EventId: '1' }] };
  server.requests.length = 0;
  await eventBridgeEventSink(client, 'runs').publish(event);
  expect(server.requests).toHaveLength(1);
  const [request] = server.requests;
  expect(request!.headers['x-amz-target']).toBe('AWSEvents.PutEvents');
  const { Entries } = JSON.parse(request!.body);
  expect(Entries).toEqual([
    { EventBusName: 'runs', Source: 'hundredfold', DetailType: 'Run Completed', Detail: JSON.stringify(event.detail) },
  ]);
});

test('an entry that the bus refuses is an error with the code alone', async () => {
  answer = { FailedEntryCount: 1, Entries: [{ ErrorCode: 'InternalFailure', ErrorMessage: 'support/july.csv could not be stored' }] };
  await expect(eventBridgeEventSink(client, 'runs').publish(event)).rejects.toMatchObject({
    name: 'EventRefusedError',
    code: 'InternalFailure',
    message: 'EventBridge refused the event: InternalFailure',
  });
});
