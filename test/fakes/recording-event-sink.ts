import type { EventSink } from '../../functions/shared/ports.ts';
import type { RunEvent } from '../../functions/shared/run-event.ts';

export class RecordingEventSink implements EventSink {
  readonly events: RunEvent[] = [];

  async publish(event: RunEvent): Promise<void> {
    this.events.push(structuredClone(event));
  }
}
