import { STATE_PAYLOAD_BYTES } from '../../functions/shared/limits.ts';
import type { Scope } from './expression.ts';
import type { Json } from './json.ts';
import { checkPayloadBytes, payloadBytes, payloadText } from './payload.ts';
import { StateError, stateErrors } from './state-error.ts';
import { evaluateNumber, type Template } from './template.ts';
import type { ItemBatcher } from './workflow.ts';

/** JSON text of each item, as the ItemSelector shapes it. */
export async function* selectItems(items: AsyncIterable<Json>, selector: Template | undefined, scope: Scope): AsyncGenerator<string> {
  let index = 0;
  for await (const item of items) {
    const selected = selector ? await selector(itemScope(scope, index, item)) : item;
    yield payloadText(selected, `item ${index}`);
    index++;
  }
}

function itemScope(scope: Scope, index: number, item: Json): Scope {
  const context = { ...scope.states.context, Map: { Item: { Index: index, Value: item } } };
  return { ...scope, states: { ...scope.states, context } };
}

export interface BatchLimits {
  maxItems: number;
  maxBytes: number;
  /** JSON text of BatchInput, where there is one. */
  batchInput: string | undefined;
}

/** @throws StateError States.QueryEvaluationError: a number is none. States.DataLimitExceeded: BatchInput alone is too long. */
export async function evaluateBatchLimits(batcher: ItemBatcher, scope: Scope, at: string): Promise<BatchLimits> {
  const number = (template: Template | undefined, field: string, max: number) =>
    template === undefined ? max : evaluateNumber(template, scope, `${at}: field "ItemBatcher.${field}"`, { min: 1, max, whole: true });
  return {
    maxItems: await number(batcher.maxItemsPerBatch, 'MaxItemsPerBatch', Number.MAX_SAFE_INTEGER),
    maxBytes: await number(batcher.maxInputBytesPerBatch, 'MaxInputBytesPerBatch', STATE_PAYLOAD_BYTES),
    batchInput: batcher.batchInput && payloadText(await batcher.batchInput(scope), `${at}: BatchInput`),
  };
}

/** JSON text of each child's input: as many consecutive items as its limits allow, counted with BatchInput. */
export async function* batchItems(items: AsyncIterable<string>, limits: BatchLimits): AsyncGenerator<string> {
  const head = limits.batchInput === undefined ? '{"Items":[' : `{"BatchInput":${limits.batchInput},"Items":[`;
  const tail = ']}';
  const emptyBytes = payloadBytes(head) + tail.length;
  let batch: string[] = [];
  let bytes = emptyBytes;
  for await (const item of items) {
    const itemBytes = payloadBytes(item);
    if (batch.length > 0 && (batch.length === limits.maxItems || bytes + itemBytes + 1 > limits.maxBytes)) {
      yield head + batch.join(',') + tail;
      batch = [];
      bytes = emptyBytes;
    }
    bytes += itemBytes + (batch.length > 0 ? 1 : 0);
    if (batch.length === 0) checkBatchBytes(bytes, limits.maxBytes);
    batch.push(item);
  }
  if (batch.length > 0) yield head + batch.join(',') + tail;
}

function checkBatchBytes(bytes: number, maxBytes: number): void {
  checkPayloadBytes(bytes, 'a batch of one item');
  if (bytes <= maxBytes) return;
  throw new StateError(stateErrors.dataLimitExceeded, `a batch of one item has ${bytes} bytes, MaxInputBytesPerBatch is ${maxBytes}`);
}
