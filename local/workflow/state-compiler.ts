import type { FieldCompiler, Readable } from './field-compiler.ts';
import type { Json } from './json.ts';
import type { Retrier } from './retry.ts';
import type { CatchDefinition, MapDefinition, RetryDefinition, StateDefinition } from './states-language.ts';
import type { Template } from './template.ts';
import type { Catcher, Effects, Machine, MapState, State } from './workflow.ts';

interface EffectsDefinition {
  Output?: Json | undefined;
  Assign?: { [variable: string]: Json } | undefined;
}

/** The runnable form of one state. `at` names it in messages; `processor` is the compiled ItemProcessor of a Map. */
export function compileState(
  name: string,
  definition: StateDefinition,
  at: string,
  fields: FieldCompiler,
  compileProcessor: (processor: MapDefinition['ItemProcessor']) => Machine,
): State {
  const field = (value: Json, path: string, readable?: readonly Readable[]) => fields.compile(value, `${at}: field "${path}"`, readable);
  const optional = (value: Json | undefined, path: string) => (value === undefined ? undefined : field(value, path));
  const effects = (source: EffectsDefinition, prefix = '', readable: readonly Readable[] = []): Effects => ({
    output: source.Output === undefined ? undefined : field(source.Output, `${prefix}Output`, readable),
    assign: fields.assign(source.Assign, `${at}: field "${prefix}Assign"`, readable),
  });
  const recovering = (source: { Retry: RetryDefinition; Catch: CatchDefinition }) => ({
    retriers: source.Retry.map(retrier),
    catchers: source.Catch.map(
      (rule, index): Catcher => ({
        errorEquals: rule.ErrorEquals,
        effects: effects(rule, `Catch[${index}].`, ['errorOutput']),
        next: rule.Next,
      }),
    ),
  });

  switch (definition.Type) {
    case 'Pass':
      return { type: 'Pass', name, effects: effects(definition), next: definition.Next };
    case 'Wait':
      return { type: 'Wait', name, effects: effects(definition), next: definition.Next, seconds: field(definition.Seconds, 'Seconds') };
    case 'Succeed':
      return { type: 'Succeed', name, effects: effects(definition) };
    case 'Fail':
      return { type: 'Fail', name, error: optional(definition.Error, 'Error'), cause: optional(definition.Cause, 'Cause') };
    case 'Choice':
      return {
        type: 'Choice',
        name,
        effects: effects(definition),
        defaultNext: definition.Default,
        choices: definition.Choices.map((choice, index) => ({
          condition: field(choice.Condition, `Choices[${index}].Condition`),
          effects: effects(choice, `Choices[${index}].`),
          next: choice.Next,
        })),
      };
    case 'Task':
      return {
        type: 'Task',
        name,
        effects: effects(definition, '', ['result']),
        next: definition.Next,
        functionName: field(definition.Arguments.FunctionName, 'Arguments.FunctionName'),
        payload: field(definition.Arguments.Payload, 'Arguments.Payload'),
        timeoutSeconds: optional(definition.TimeoutSeconds, 'TimeoutSeconds'),
        ...recovering(definition),
      };
    case 'Map':
      return {
        ...mapFields(definition, field, optional),
        name,
        label: definition.Label ?? name,
        effects: effects(definition, '', ['result']),
        next: definition.Next,
        processor: compileProcessor(definition.ItemProcessor),
        ...recovering(definition),
      };
  }
}

type MapFields = Omit<MapState, 'name' | 'label' | 'effects' | 'next' | 'processor' | 'retriers' | 'catchers'>;

function mapFields(
  { ItemReader, ItemSelector, ItemBatcher, ResultWriter, ...definition }: MapDefinition,
  field: (value: Json, path: string, readable?: readonly Readable[]) => Template,
  optional: (value: Json | undefined, path: string) => Template | undefined,
): MapFields {
  return {
    type: 'Map',
    reader: {
      bucket: field(ItemReader.Arguments.Bucket, 'ItemReader.Arguments.Bucket'),
      key: field(ItemReader.Arguments.Key, 'ItemReader.Arguments.Key'),
    },
    itemSelector: ItemSelector === undefined ? undefined : field(ItemSelector, 'ItemSelector', ['mapItem']),
    batcher: ItemBatcher && {
      maxItemsPerBatch: optional(ItemBatcher.MaxItemsPerBatch, 'ItemBatcher.MaxItemsPerBatch'),
      maxInputBytesPerBatch: optional(ItemBatcher.MaxInputBytesPerBatch, 'ItemBatcher.MaxInputBytesPerBatch'),
      batchInput: optional(ItemBatcher.BatchInput, 'ItemBatcher.BatchInput'),
    },
    maxConcurrency: field(definition.MaxConcurrency, 'MaxConcurrency'),
    toleratedFailurePercentage: field(definition.ToleratedFailurePercentage, 'ToleratedFailurePercentage'),
    writer: ResultWriter && {
      bucket: field(ResultWriter.Arguments.Bucket, 'ResultWriter.Arguments.Bucket'),
      prefix: field(ResultWriter.Arguments.Prefix, 'ResultWriter.Arguments.Prefix'),
      outputType: ResultWriter.WriterConfig.OutputType,
      transformation: ResultWriter.WriterConfig.Transformation,
    },
  };
}

function retrier(rule: RetryDefinition[number]): Retrier {
  return {
    errorEquals: rule.ErrorEquals,
    intervalSeconds: rule.IntervalSeconds,
    maxAttempts: rule.MaxAttempts,
    backoffRate: rule.BackoffRate,
    maxDelaySeconds: rule.MaxDelaySeconds,
    jitter: rule.JitterStrategy,
  };
}
