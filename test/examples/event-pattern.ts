import { type RunEventType, runEventTypes } from '../../functions/shared/run-event.ts';
import { delivered, exampleEvents } from '../../local/event-reference.ts';

/**
 * Whether EventBridge would let an event pass: every field of the pattern is in the event and has one of the values listed.
 * @throws Error: the pattern uses more than lists of values.
 */
export function matches(pattern: unknown, event: unknown): boolean {
  if (Array.isArray(pattern)) {
    if (pattern.some((value) => typeof value === 'object' && value !== null)) throw new Error(`Unknown pattern ${JSON.stringify(pattern)}`);
    return pattern.includes(event);
  }
  if (typeof pattern !== 'object' || pattern === null) throw new Error(`Unknown pattern ${JSON.stringify(pattern)}`);
  if (typeof event !== 'object' || event === null) return false;
  return Object.entries(pattern).every(([name, inner]) => name in event && matches(inner, (event as Record<string, unknown>)[name]));
}

/** The types of the shipped example events that a rule would let pass. */
export const matchingTypes = (pattern: unknown): RunEventType[] =>
  runEventTypes.filter((type) => matches(pattern, delivered(exampleEvents[type])));

/** Whether a rule would let pass an event of the same type that somebody else has sent. */
export const matchesForeign = (pattern: unknown): boolean =>
  runEventTypes.some((type) => matches(pattern, { ...delivered(exampleEvents[type]), source: 'somebody.else' }));
