import * as z from 'zod';
import { ConfigError } from './errors.ts';

/** Environment variables of the functions, once: infra sets them by these names, the handlers parse them. */
export const envNames = {
  inputBucket: 'INPUT_BUCKET',
  workBucket: 'WORK_BUCKET',
  resultsBucket: 'RESULTS_BUCKET',
  /** DynamoDB table of money spent and halt flags. */
  controlTable: 'CONTROL_TABLE',
  eventBus: 'EVENT_BUS_NAME',
  stateMachine: 'STATE_MACHINE_ARN',
  /** Secrets Manager secret whose whole string is the API key. */
  modelKeySecret: 'MODEL_KEY_SECRET_ARN',
  /** Base URL of an OpenAI-compatible endpoint. */
  modelBaseUrl: 'MODEL_BASE_URL',
  /** Model calls in flight in one run. */
  modelConcurrency: 'MODEL_CONCURRENCY',
  /** Name of the deployment, under which its metrics are found. */
  deployment: 'DEPLOYMENT',
  /** JSON object of settings that hold where neither dataset nor upload says otherwise. */
  runSettings: 'RUN_SETTINGS',
  /** Dollars that all runs of one UTC day may cost together. */
  maxCostUsdPerDay: 'MAX_COST_USD_PER_DAY',
} as const;
export type EnvName = keyof typeof envNames;

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const schemas = {
  inputBucket: z.string().min(1),
  workBucket: z.string().min(1),
  resultsBucket: z.string().min(1),
  controlTable: z.string().min(1),
  eventBus: z.string().min(1),
  stateMachine: z.string().min(1),
  modelKeySecret: z.string().min(1),
  modelBaseUrl: z.url(),
  modelConcurrency: z.coerce.number().int().min(1).max(10_000),
  deployment: z.string().min(1),
  runSettings: z.string().transform(jsonOf).pipe(z.record(z.string(), z.unknown())),
  maxCostUsdPerDay: z.coerce.number().min(0),
} as const satisfies Record<EnvName, z.ZodType>;

/**
 * The named variables, parsed.
 * @throws ConfigError: one or more are missing or wrong; all are listed.
 */
export function readEnv<const Names extends readonly EnvName[]>(
  names: Names,
  source: Record<string, string | undefined> = process.env,
): { [Name in Names[number]]: z.infer<(typeof schemas)[Name]> } {
  const values: Partial<Record<EnvName, unknown>> = {};
  const problems: string[] = [];
  for (const name of names) {
    const parsed = schemas[name].safeParse(source[envNames[name]]);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(`${envNames[name]}: ${parsed.error.issues.map((issue) => issue.message).join('; ')}`);
  }
  if (problems.length > 0) throw new ConfigError(`The environment is incomplete:\n${problems.join('\n')}`, { code: 'invalid_environment' });
  return values as { [Name in Names[number]]: z.infer<(typeof schemas)[Name]> };
}
