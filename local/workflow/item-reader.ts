import type { ObjectStore } from '../../functions/shared/ports.ts';
import type { Cancellation } from './cancellation.ts';
import type { Json } from './json.ts';
import { messageOf, StateError, stateErrors } from './state-error.ts';

/** Longest line that the reader of Step Functions takes. Source: service quotas, "Maximum size of an item". */
const MAX_LINE_CHARACTERS = 8 * 1024 * 1024;

/**
 * The values of a JSON Lines object, one a line, holding no more than one chunk of it. Empty lines are skipped.
 * @throws StateError States.ItemReaderFailed: there is no such object, or a line is not JSON.
 */
export async function* readItems(store: ObjectStore, key: string, cancellation: Cancellation): AsyncGenerator<Json> {
  let lineNumber = 0;
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const parse = (line: string): Json => {
    try {
      return JSON.parse(line);
    } catch (cause) {
      throw readerError(`line ${lineNumber} is not JSON`, cause);
    }
  };

  let rest = '';
  for await (const chunk of chunksOf(store, key, cancellation)) {
    const lines = (rest + decode(chunk)).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARACTERS) throw readerError(`line ${lineNumber + lines.length + 1} is longer than 8 MiB`);
    for (const line of lines) {
      lineNumber++;
      if (line.trim() !== '') yield parse(line);
    }
  }
  rest += decode(undefined);
  lineNumber++;
  if (rest.trim() !== '') yield parse(rest);

  function decode(chunk: Uint8Array | undefined): string {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch (cause) {
      throw readerError(`it is not UTF-8 after line ${lineNumber}`, cause);
    }
  }

  function readerError(what: string, cause?: unknown): StateError {
    return new StateError(stateErrors.itemReaderFailed, `${key}: ${what}`, { cause });
  }
}

/** As the store's stream, but a store that hangs is left as soon as the run is cancelled. */
async function* chunksOf(store: ObjectStore, key: string, cancellation: Cancellation): AsyncGenerator<Uint8Array> {
  const reading = new AbortController();
  const chunks = store.stream(key, { signal: reading.signal })[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await cancellation.run(() => chunks.next());
      if (done) return;
      yield value;
    }
  } catch (cause) {
    cancellation.throwIfCancelled();
    throw new StateError(stateErrors.itemReaderFailed, `${key}: ${messageOf(cause)}`, { cause });
  } finally {
    // With chunks left where the run stops early: lets the store close what it holds open, without waiting for a store that hangs.
    reading.abort();
    chunks.return?.().catch(() => undefined);
  }
}
