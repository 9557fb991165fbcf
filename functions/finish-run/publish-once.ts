import { parseJson } from '../shared/json-lines.ts';
import { eventKey } from '../shared/object-keys.ts';
import type { EventSink, ObjectStore } from '../shared/ports.ts';
import { eventDetailSchema, type RunEvent } from '../shared/run-event.ts';

/**
 * Publishes the event as whoever came first under its id has fixed it, so that all its deliveries say the same: between two tries of
 * the step, calls of an execution that was stopped may still have ended and been paid for.
 */
export async function publishOnce(event: RunEvent, work: ObjectStore, events: EventSink): Promise<void> {
  const { type, detail } = event;
  const key = eventKey(detail.runId, detail.eventId);
  const isFirst = await work.putIfAbsent(key, JSON.stringify(detail));
  const standing = isFirst ? undefined : await work.get(key);
  await events.publish(standing ? { type, detail: eventDetailSchema(type).parse(parseJson(standing)) } : event);
}
