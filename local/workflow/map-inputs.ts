import { randomUUID } from 'node:crypto';
import { Cancellation } from './cancellation.ts';
import { batchItems, evaluateBatchLimits, selectItems } from './child-inputs.ts';
import { ResultList, type ResultSink } from './child-result.ts';
import type { Execution } from './execution.ts';
import type { Scope } from './expression.ts';
import { readItems } from './item-reader.ts';
import { ResultWriter } from './result-writer.ts';
import { messageOf, StateError, stateErrors } from './state-error.ts';
import { evaluateNumber, evaluateText, type Template } from './template.ts';
import type { MapState } from './workflow.ts';

/** Children that run at once where MaxConcurrency is 0 or more than this. Source: service quotas, Distributed Map. */
const MAX_CONCURRENT_CHILDREN = 10_000;

/** All that a Map's fields say, evaluated before its first child starts. */
export interface MapInputs {
  maxConcurrency: number;
  toleratedFailurePercentage: number;
  cancellation: Cancellation;
  childInputs: AsyncIterable<string>;
  sink: ResultSink;
}

/** @throws StateError States.QueryEvaluationError: a field is not of its kind. States.ItemReaderFailed, States.ResultWriterFailed: there is no such bucket. */
export async function openMapInputs(
  state: MapState,
  scope: Scope,
  { environment, cancellation: outer, context }: Execution,
): Promise<MapInputs> {
  const at = `state "${state.name}"`;
  const text = (template: Template, field: string) => evaluateText(template, scope, `${at}: field "${field}"`);
  const number = (template: Template, field: string, max: number, whole: boolean) =>
    evaluateNumber(template, scope, `${at}: field "${field}"`, { min: 0, max, whole });

  const mapRunId = randomUUID();
  const maxConcurrency = await number(state.maxConcurrency, 'MaxConcurrency', Number.MAX_SAFE_INTEGER, true);
  const toleratedFailurePercentage = await number(state.toleratedFailurePercentage, 'ToleratedFailurePercentage', 100, false);
  const batchLimits = state.batcher && (await evaluateBatchLimits(state.batcher, scope, at));
  const bucket = await text(state.reader.bucket, 'ItemReader.Arguments.Bucket');
  const key = await text(state.reader.key, 'ItemReader.Arguments.Key');
  const openStore = (name: string, errorName: string) => {
    try {
      return environment.store(name);
    } catch (cause) {
      throw new StateError(errorName, messageOf(cause), { cause });
    }
  };
  const itemStore = openStore(bucket, stateErrors.itemReaderFailed);
  const sink = state.writer
    ? new ResultWriter({
        store: openStore(await text(state.writer.bucket, 'ResultWriter.Arguments.Bucket'), stateErrors.resultWriterFailed),
        prefix: await text(state.writer.prefix, 'ResultWriter.Arguments.Prefix'),
        outputType: state.writer.outputType,
        transformation: state.writer.transformation,
        mapRunArn: `${context.StateMachine.Id.replace(':stateMachine:', ':mapRun:')}/${state.label}:${mapRunId}`,
        mapRunId,
      })
    : new ResultList(`the result of ${at}`);
  const cancellation = new Cancellation(outer);
  const items = selectItems(readItems(itemStore, key, cancellation), state.itemSelector, scope);
  return {
    maxConcurrency: Math.min(maxConcurrency || MAX_CONCURRENT_CHILDREN, MAX_CONCURRENT_CHILDREN),
    toleratedFailurePercentage,
    cancellation,
    childInputs: batchLimits ? batchItems(items, batchLimits) : items,
    sink,
  };
}
