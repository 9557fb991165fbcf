import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { EventSink } from '../ports.ts';
import { EVENT_SOURCE } from '../run-event.ts';

/** Thrown when the bus took the request but not the entry; `code` is EventBridge's, such as `ThrottlingException`. */
export class EventRefusedError extends Error {
  override readonly name = 'EventRefusedError';
  readonly code: string;

  constructor(code: string) {
    super(`EventBridge refused the event: ${code}`);
    this.code = code;
  }
}

/** One entry a request, since a repeated request sends all its entries again. Listeners drop repeats by `detail.eventId`. */
export function eventBridgeEventSink(client: EventBridgeClient, busName: string): EventSink {
  return {
    async publish({ type, detail }) {
      const answer = await client.send(
        new PutEventsCommand({
          Entries: [{ EventBusName: busName, Source: EVENT_SOURCE, DetailType: type, Detail: JSON.stringify(detail) }],
        }),
      );
      if (answer.FailedEntryCount) throw new EventRefusedError(answer.Entries?.[0]?.ErrorCode ?? 'Unknown');
    },
  };
}
