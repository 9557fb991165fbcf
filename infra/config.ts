import * as z from 'zod';
import { normalizeEndpoint } from '../functions/shared/endpoint.ts';
import { ConfigError } from '../functions/shared/errors.ts';

/** Base of all names, and so of the stack's, where no stage is set. */
export const DEFAULT_NAME = 'hundredfold';

/** Key of the CDK context under which the configuration lies, in `cdk.json` or on the command line as JSON. */
export const CONTEXT_KEY = 'hundredfold';

/** Retentions that CloudWatch Logs knows. Source: API reference, PutRetentionPolicy. */
const logRetentionDays = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653] as const;

const configSchema = z.strictObject({
  /** Suffix of every name, so that several deployments share one account and region. @default null: no suffix */
  stage: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,19}$/, 'must be 1 to 20 lower-case letters, digits and hyphens, a letter first')
    .nullable()
    .default(null),
  /** Base URL of an OpenAI-compatible endpoint. @default null: OpenAI */
  modelBaseUrl: z
    .string()
    .superRefine((url, context) => {
      const problem = endpointProblem(url);
      if (problem) context.addIssue({ code: 'custom', message: problem });
    })
    .nullable()
    .default(null),
  /** Model calls in flight in one run. @default 100 */
  modelConcurrency: z.int().min(1).max(10_000).default(100),
  /** Bytes one Athena query may scan, in GB. @default 10 */
  athenaScanLimitGb: z.int().min(1).max(7_000).default(10),
  /** Days until what the steps leave for each other is deleted. A run can be continued until then. @default 30 */
  runRetentionDays: z.int().min(8).max(3_650).default(30),
  /** Days until a paid answer is deleted and would be paid for again. @default 400 */
  contentRetentionDays: z.int().min(8).max(3_650).default(400),
  /** Days that function logs, workflow logs and access logs are kept. @default 30 */
  logRetentionDays: z.literal(logRetentionDays, { error: `must be one of ${logRetentionDays.join(', ')}` }).default(30),
  /** Deletes buckets with all they hold, the control table, the key and the logs together with the stack. @default false */
  destroyOnDelete: z.boolean().default(false),
});

/** How one deployment differs from another. */
export interface Config extends z.infer<typeof configSchema> {
  /** Base of all names: `hundredfold` or `hundredfold-<stage>`. */
  readonly name: string;
}

/** What the functions would say of a base URL when they start, undefined where they take it. */
function endpointProblem(url: string): string | undefined {
  try {
    normalizeEndpoint(url);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const problemOf = (issue: z.core.$ZodIssue) =>
  issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => `there is no "${key}" (the keys are ${Object.keys(configSchema.shape).join(', ')})`)
    : [`${issue.path.join('.') || CONTEXT_KEY}: ${issue.message}`];

/**
 * The configuration that the CDK context asks for, with its defaults. Context given as `-c hundredfold='{...}'` arrives as JSON text.
 * @throws ConfigError: not an object, unknown keys or wrong values; every problem is listed.
 */
export function readConfig(context: unknown): Config {
  const parsed = configSchema.safeParse(typeof context === 'string' ? parseJson(context) : (context ?? {}));
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap(problemOf);
    throw new ConfigError(`The CDK context "${CONTEXT_KEY}" is wrong:\n${problems.join('\n')}`, { code: 'invalid_context' });
  }
  return { ...parsed.data, name: parsed.data.stage === null ? DEFAULT_NAME : `${DEFAULT_NAME}-${parsed.data.stage}` };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigError(`The CDK context "${CONTEXT_KEY}" is not JSON: ${text}`, { code: 'invalid_context', cause });
  }
}
