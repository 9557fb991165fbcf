import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventBridgeEventSink } from '../../../../functions/shared/adapters/eventbridge-event-sink.ts';
import type { RunEvent } from '../../../../functions/shared/run-event.ts';
import { type LoopbackServer, loopbackServer, sendJson } from './loopback-server.ts';

const event: RunEvent = {
  type: 'Run Completed',
  detail: {
    version: '1',
    eventId: 'july-1-completed',
    runId: 'july',
    attempt: 1,
    dataset: 'support',
    source: { bucket: 'input', key: 'support/july.csv', versionId: 'v1' },
    status: 'complete',
    rowsIn: 100,
    rowsSummarized: 100,
    rowsFailed: 0,
    rowsRejected: 0,
    batches: 1,
    batchesFailed: 0,
    calls: 1,
    costUsd: 0.001,
    results: { bucket: 'results', tablePrefixes: ['tables/runs/'], date: '2026-11-23' },
  },
};

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
