import { fileURLToPath } from 'node:url';
import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { type BundlingOptions, NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { type EnvName, envNames } from '../functions/shared/env.ts';
import { MAX_SEMI_SPACE_MIB } from '../functions/shared/limits.ts';

const repository = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** One ESM file with the SDK inside: it starts faster than CommonJS, and than the SDK that the runtime brings. */
export const bundling: BundlingOptions = {
  format: OutputFormat.ESM,
  target: 'node24',
  mainFields: ['module', 'main'],
  externalModules: [],
  minify: true,
  sourceMap: true,
  sourcesContent: false,
  esbuildArgs: {
    '--alias:@aws-sdk/credential-provider-node': repository('functions/shared/adapters/environment-credentials.ts'),
    '--alias:@aws-sdk/middleware-endpoint-discovery': repository('functions/shared/adapters/no-endpoint-discovery.ts'),
  },
};

export interface PipelineFunctionProps {
  /** What the function does, in one line. */
  readonly description: string;
  /** MiB of memory; CPU and network grow with it. */
  readonly memorySize: number;
  readonly timeout: Duration;
  /** Values by their names in env.ts; null leaves the variable out. */
  readonly environment: Readonly<Partial<Record<EnvName, string | null>>>;
  /** All that the function may do, besides writing its own log. */
  readonly permissions: readonly PolicyStatement[];
  /** Days that the log is kept. @default RetentionDays.ONE_MONTH */
  readonly logRetention?: RetentionDays;
  /** What becomes of the log when the stack goes. @default RETAIN */
  readonly removalPolicy?: RemovalPolicy;
  /** Files of the function's folder that it reads while it works: they go beside its bundle. @default none */
  readonly files?: readonly string[];
}

/** The Lambda function of one folder of functions/, whose name is the construct's id: bundle, role, log group and environment. */
export class PipelineFunction extends Construct {
  readonly function: NodejsFunction;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: PipelineFunctionProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Log', {
      retention: props.logRetention ?? RetentionDays.ONE_MONTH,
      removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
    });

    // A role of its own, because the one that CDK makes may write to every log group of the account.
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com'), description: `What ${id} may do` });
    logGroup.grantWrite(this.role);
    for (const permission of props.permissions) this.role.addToPolicy(permission);

    this.function = new NodejsFunction(this, 'Function', {
      description: props.description,
      entry: repository(`functions/${id}/handler.ts`),
      projectRoot: repository(''),
      depsLockFilePath: repository('package-lock.json'),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memorySize,
      timeout: props.timeout,
      role: this.role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      environment: {
        NODE_OPTIONS: `--enable-source-maps --max-semi-space-size=${MAX_SEMI_SPACE_MIB}`,
        POWERTOOLS_SERVICE_NAME: id,
        ...environmentOf(props.environment),
      },
      bundling: { ...bundling, commandHooks: copying(id, props.files ?? []) },
    });
  }
}

/** Commands around the bundling that put files beside the bundle. */
const copying = (id: string, files: readonly string[]): BundlingOptions['commandHooks'] => ({
  beforeBundling: () => [],
  beforeInstall: () => [],
  afterBundling: (from, to) => files.map((file) => `cp "${from}/functions/${id}/${file}" "${to}"`),
});

const environmentOf = (values: PipelineFunctionProps['environment']): Record<string, string> =>
  Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[envNames[name as EnvName], value]])));
