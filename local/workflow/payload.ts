import { STATE_PAYLOAD_BYTES } from '../../functions/shared/limits.ts';
import type { Json } from './json.ts';
import { messageOf, StateError, stateErrors } from './state-error.ts';

/**
 * JSON text of a value that leaves a state, a function or an execution. `what` names the value in errors.
 * @throws StateError States.Runtime: it is not JSON; States.DataLimitExceeded: its text is longer than 256 KiB in UTF-8.
 */
export function payloadText(value: unknown, what: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new StateError(stateErrors.runtime, `${what} is not JSON: ${messageOf(cause)}`, { cause });
  }
  const offender = text === undefined ? { path: '', type: typeof value } : unserializable(value, '');
  if (text === undefined || offender) {
    throw new StateError(stateErrors.runtime, `${what} is not JSON: ${offender?.path || 'it'} is of type ${offender?.type}`);
  }
  checkPayloadBytes(payloadBytes(text), what);
  return text;
}

/** A copy of the value as the next state sees it: members without a value are gone, dates are text, nothing is shared. Throws as `payloadText` does. */
export function payload(value: unknown, what: string): Json {
  return JSON.parse(payloadText(value, what));
}

export function payloadBytes(text: string): number {
  return Buffer.byteLength(text);
}

export function checkPayloadBytes(bytes: number, what: string): void {
  if (bytes <= STATE_PAYLOAD_BYTES) return;
  throw new StateError(stateErrors.dataLimitExceeded, `${what} has ${bytes} bytes, the limit is ${STATE_PAYLOAD_BYTES}`);
}

/** Where a function or symbol hides, which JSON.stringify would drop without a word. Runs after it, so there is no cycle. */
function unserializable(value: unknown, path: string): { path: string; type: string } | undefined {
  if (typeof value === 'function' || typeof value === 'symbol') return { path, type: typeof value };
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return undefined;
  for (const [member, inner] of Object.entries(value)) {
    if (typeof inner !== 'object' && typeof inner !== 'function' && typeof inner !== 'symbol') continue;
    const found = unserializable(inner, path === '' ? member : `${path}.${member}`);
    if (found) return found;
  }
  return undefined;
}
