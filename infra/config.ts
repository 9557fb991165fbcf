import * as z from 'zod';
import { normalizeEndpoint } from '../functions/shared/endpoint.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import { alarmDefaults } from './alarm-limits.ts';
import { DEFAULT_NAME } from './default-name.ts';
import { deploymentSettings, requireKnownPrice } from './deployment-settings.ts';
import { functionNames } from './step-permissions.ts';

/** Key of the CDK context under which the configuration lies, in `cdk.json` or on the command line as JSON. */
export const CONTEXT_KEY = 'hundredfold';

/** Retentions that CloudWatch Logs knows. Source: API reference, PutRetentionPolicy. */
const logRetentionDays = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653] as const;

const keyArn = z.string().regex(/^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/, 'must be the ARN of a KMS key (not of an alias)');
const topicArn = z.string().regex(/^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[\w-]+$/, 'must be the ARN of an SNS topic');
/** Names as Secrets Manager takes them. A colon is in none, so that an ARN that is cut short is not taken for one. */
const secretNameOrArn = z
  .string()
  .regex(
    /^(?:[\w/+=.@-]{1,512}|arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+-[A-Za-z0-9]{6})$/,
    'must be the name of a secret, or its whole ARN, with the hyphen and six characters at its end',
  );
const bucketName = z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket');
/** An issue with a value that a function of the project refuses, in that function's words. */
const acceptedBy =
  <Value>(accept: (value: Value) => unknown) =>
  (value: Value, context: z.core.$RefinementCtx<Value>) => {
    try {
      accept(value);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  };

const configSchema = z.strictObject({
  /** Suffix of every name, so that several deployments share one account and region. @default null: no suffix */
  stage: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,19}$/, 'must be 1 to 20 lower-case letters, digits and hyphens, a letter first')
    .nullable()
    .default(null),
  /** Base URL of an OpenAI-compatible endpoint. @default null: OpenAI */
  modelBaseUrl: z.string().superRefine(acceptedBy(normalizeEndpoint)).nullable().default(null),
  /** Name or ARN of a secret of yours with the model key. @default null: a new one */
  modelKeySecret: secretNameOrArn.nullable().default(null),
  /** Settings of all runs (model, maxCostUsd ...) where neither dataset nor upload says otherwise. @default {} */
  settings: z.record(z.string(), z.unknown()).superRefine(acceptedBy(deploymentSettings)).transform(deploymentSettings).default({}),
  /** Dollars that all runs of one UTC day may cost together; what comes after is halted and can be taken up. @default null: no cap */
  maxCostUsdPerDay: z.number().positive().nullable().default(null),
  /** Model calls in flight in one run. @default 100 */
  modelConcurrency: z.int().min(1).max(10_000).default(100),
  /** MiB of memory of single functions, by their names. @default {}: as in steps.ts */
  memoryMb: z.partialRecord(z.enum(functionNames), z.int().min(128).max(10_240)).default({}),
  /** A bucket of yours for uploads, with versions and EventBridge switched on. @default null: a new one */
  inputBucketName: bucketName.nullable().default(null),
  /** A bucket of yours for the tables, of no other deployment. @default null: a new one */
  resultsBucketName: bucketName.nullable().default(null),
  /** A KMS key of yours for the objects of the buckets, also of those that you bring. @default null: S3's own */
  encryptionKeyArn: keyArn.nullable().default(null),
  /** Bytes one Athena query may scan, in GB. @default 10 */
  athenaScanLimitGb: z.int().min(1).max(7_000).default(10),
  /** Days until what the steps leave for each other is deleted. A run can be continued until then. @default 30 */
  runRetentionDays: z.int().min(8).max(3_650).default(30),
  /** Days until a paid answer is deleted and would be paid for again. @default 400 */
  contentRetentionDays: z.int().min(8).max(3_650).default(400),
  /** Days until a version of an upload that was replaced or deleted is gone. @default 90 */
  oldVersionRetentionDays: z.int().min(8).max(3_650).default(90),
  /** Days that function logs, workflow logs and access logs are kept. @default 30 */
  logRetentionDays: z.literal(logRetentionDays, { error: `must be one of ${logRetentionDays.join(', ')}` }).default(30),
  /** Address that alarms are sent to, once its owner has agreed. @default null: nobody */
  alarmEmail: z.email().nullable().default(null),
  /** ARN of a topic of yours that alarms are sent to. @default null: none */
  alarmTopicArn: topicArn.nullable().default(null),
  /** Hours after which a run that is still at work rings. @default 24 */
  alarmRunHours: z.int().min(1).max(167).default(alarmDefaults.runHours),
  /** Share of throttled model calls that rings. @default 20 */
  alarmThrottledPercentage: z.number().min(0).max(100).default(alarmDefaults.throttledPercentage),
  /** Share of failed model calls that rings. @default 20 */
  alarmErrorPercentage: z.number().min(0).max(100).default(alarmDefaults.errorPercentage),
  /** Dollars in one hour that ring. @default 10 */
  alarmSpendUsdPerHour: z.number().positive().default(alarmDefaults.spendUsdPerHour),
  /** Deletes buckets with all they hold, the control table, the key and the logs together with the stack. @default false */
  destroyOnDelete: z.boolean().default(false),
});
export const configKeys = Object.keys(configSchema.shape);

/** How one deployment differs from another. */
export interface Config extends z.infer<typeof configSchema> {
  /** Base of all names: `hundredfold` or `hundredfold-<stage>`. */
  readonly name: string;
}

const problemOf = (issue: z.core.$ZodIssue) =>
  issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => `there is no "${key}" (the keys are ${configKeys.join(', ')})`)
    : [`${issue.path.join('.') || CONTEXT_KEY}: ${issue.message}`];

/**
 * The configuration that the CDK context asks for, with its defaults. Context given as `-c hundredfold='{...}'` arrives as JSON text.
 * @throws ConfigError: not an object, unknown keys or wrong values; every problem is listed.
 */
export function readConfig(context: unknown): Config {
  const parsed = configSchema.safeParse(typeof context === 'string' ? parseJson(context) : (context ?? {}));
  const problems = parsed.success ? problemsBetween(parsed.data) : parsed.error.issues.flatMap(problemOf);
  if (!parsed.success || problems.length > 0)
    throw new ConfigError(`The CDK context "${CONTEXT_KEY}" is wrong:\n${problems.join('\n')}`, { code: 'invalid_context' });
  return { ...parsed.data, name: parsed.data.stage === null ? DEFAULT_NAME : `${DEFAULT_NAME}-${parsed.data.stage}` };
}

/** What is wrong with keys that are right by themselves. */
function problemsBetween({ alarmEmail, alarmTopicArn, ...config }: z.infer<typeof configSchema>): string[] {
  const problems = alarmEmail !== null && alarmTopicArn !== null ? ['alarmEmail: subscribe the address to alarmTopicArn instead'] : [];
  try {
    requireKnownPrice(config);
  } catch (error) {
    problems.push((error as Error).message);
  }
  return problems;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigError(`The CDK context "${CONTEXT_KEY}" is not JSON: ${text}`, { code: 'invalid_context', cause });
  }
}
