import * as z from 'zod';
import { isExpression } from './expression.ts';
import { stateErrors } from './state-error.ts';

/**
 * The part of the Amazon States Language that the workflow may use: whatever a schema here does not name is refused.
 * Next and End, targets and expressions are checked in definition.ts, for they need more than one field.
 */
const expression = z.string().refine(isExpression, 'must be a JSONata string, {% ... %}');
const template = z.json();
const states = z.record(z.string().min(1).max(80, 'a state name has 80 characters at most'), z.unknown());

const numberOrExpression = (kind: z.ZodNumber, words: string) =>
  z.union([kind, expression], { error: `must be ${words} or a JSONata string` });

const assign = z.record(
  z
    .string()
    .max(80)
    .regex(/^[\p{ID_Start}_][\p{ID_Continue}]*$/u, 'is not a variable name')
    .refine((name) => name !== 'states', 'the variable "states" is reserved'),
  template,
);
const effects = { Output: template.optional(), Assign: assign.optional() };
const common = { Comment: z.string().optional() };
const leaving = { ...common, ...effects, Next: z.string().optional(), End: z.literal(true).optional() };

const knownStateErrors: readonly string[] = [...Object.values(stateErrors), 'States.HeartbeatTimeout'];
const errorEquals = z
  .array(z.string().refine((name) => !name.startsWith('States.') || knownStateErrors.includes(name), 'is no error name of Step Functions'))
  .min(1)
  .refine((names) => names.length === 1 || !names.includes(stateErrors.all), 'States.ALL must stand alone');

const allComesLast = (rules: readonly { ErrorEquals: readonly string[] }[]) =>
  rules.slice(0, -1).every(({ ErrorEquals }) => !ErrorEquals.includes(stateErrors.all));

const retry = z
  .array(
    z.strictObject({
      ...common,
      ErrorEquals: errorEquals,
      IntervalSeconds: z.int().min(1).default(1),
      MaxAttempts: z.int().min(0).max(99_999_999).default(3),
      BackoffRate: z.number().min(1).default(2),
      MaxDelaySeconds: z.int().min(1).max(31_622_399).optional(),
      JitterStrategy: z.enum(['FULL', 'NONE']).default('NONE'),
    }),
  )
  .refine(allComesLast, 'States.ALL must come last')
  .refine(
    (rules) => rules.every(({ MaxDelaySeconds, IntervalSeconds }) => MaxDelaySeconds === undefined || MaxDelaySeconds > IntervalSeconds),
    'MaxDelaySeconds must be more than IntervalSeconds',
  );

const catchers = z
  .array(z.strictObject({ ...common, ...effects, ErrorEquals: errorEquals, Next: z.string() }))
  .refine(allComesLast, 'States.ALL must come last');

const recovering = { Retry: retry.default([]), Catch: catchers.default([]) };

const serviceArn = (service: string) =>
  z.string().regex(new RegExp(`^arn:aws[a-z-]*:states:::${service}$`), `only arn:aws:states:::${service} is supported`);

const mapState = z.strictObject({
  ...leaving,
  ...recovering,
  Type: z.literal('Map'),
  Label: z.string().min(1).max(40).optional(),
  ItemProcessor: z.strictObject({
    ...common,
    ProcessorConfig: z.strictObject({ Mode: z.literal('DISTRIBUTED'), ExecutionType: z.literal('STANDARD') }),
    StartAt: z.string(),
    States: states,
  }),
  ItemReader: z.strictObject({
    Resource: serviceArn('s3:getObject'),
    ReaderConfig: z.strictObject({ InputType: z.literal('JSONL') }),
    Arguments: z.strictObject({ Bucket: z.string(), Key: z.string() }),
  }),
  ItemSelector: template.optional(),
  ItemBatcher: z
    .strictObject({
      MaxItemsPerBatch: numberOrExpression(z.int().min(1), 'a whole number of at least 1').optional(),
      MaxInputBytesPerBatch: numberOrExpression(z.int().min(1).max(262_144), 'a whole number from 1 to 262144').optional(),
      BatchInput: template.optional(),
    })
    .refine(
      ({ MaxItemsPerBatch, MaxInputBytesPerBatch }) => MaxItemsPerBatch !== undefined || MaxInputBytesPerBatch !== undefined,
      'needs MaxItemsPerBatch or MaxInputBytesPerBatch',
    )
    .optional(),
  MaxConcurrency: numberOrExpression(z.int().min(0), 'a whole number of at least 0').default(0),
  ToleratedFailurePercentage: numberOrExpression(z.number().min(0).max(100), 'a number from 0 to 100').default(0),
  ResultWriter: z
    .strictObject({
      Resource: serviceArn('s3:putObject'),
      Arguments: z.strictObject({ Bucket: z.string(), Prefix: z.string() }),
      WriterConfig: z
        .strictObject({
          OutputType: z.enum(['JSON', 'JSONL']).default('JSON'),
          Transformation: z.enum(['NONE', 'COMPACT', 'FLATTEN']).default('NONE'),
        })
        .prefault({}),
    })
    .optional(),
});

/** One schema for each supported Type. */
export const stateSchemas = {
  Pass: z.strictObject({ ...leaving, Type: z.literal('Pass') }),
  Wait: z.strictObject({
    ...leaving,
    Type: z.literal('Wait'),
    Seconds: numberOrExpression(z.int().min(0).max(99_999_999), 'a whole number from 0 to 99999999'),
  }),
  Succeed: z.strictObject({ ...common, Type: z.literal('Succeed'), Output: template.optional() }),
  Fail: z.strictObject({ ...common, Type: z.literal('Fail'), Error: z.string().optional(), Cause: z.string().optional() }),
  Choice: z.strictObject({
    ...common,
    ...effects,
    Type: z.literal('Choice'),
    Choices: z.array(z.strictObject({ ...common, ...effects, Condition: z.union([z.boolean(), expression]), Next: z.string() })).min(1),
    Default: z.string().optional(),
  }),
  Task: z.strictObject({
    ...leaving,
    ...recovering,
    Type: z.literal('Task'),
    Resource: serviceArn('lambda:invoke'),
    Arguments: z.strictObject({ FunctionName: z.string().min(1), Payload: template.default({}) }),
    TimeoutSeconds: numberOrExpression(z.int().min(1).max(99_999_999), 'a whole number from 1 to 99999999').optional(),
  }),
  Map: mapState,
} as const;

export const topLevelSchema = z.strictObject({
  ...common,
  QueryLanguage: z.literal('JSONata', { error: 'must be "JSONata"' }),
  StartAt: z.string(),
  States: states,
  TimeoutSeconds: z.int().min(1).max(99_999_999).optional(),
  Version: z.string().optional(),
});

export type StateType = keyof typeof stateSchemas;
type Schemas = typeof stateSchemas;
/** A state of the definition as written, with the language's defaults filled in. */
export type StateDefinition = { [T in StateType]: z.infer<Schemas[T]> }[StateType];
export type MapDefinition = z.infer<typeof mapState>;
export type CatchDefinition = z.infer<typeof catchers>;
export type RetryDefinition = z.infer<typeof retry>;
