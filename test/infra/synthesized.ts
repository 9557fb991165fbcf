import { readFileSync } from 'node:fs';
import { App, CfnResource, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { readConfig } from '../../infra/config.ts';
import { HundredfoldStack } from '../../infra/stack.ts';

const { context } = JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8'));

/** A resource of the template: its type, its deletion policy, and its properties with every reference written out. */
export interface Resource {
  Type: string;
  DeletionPolicy?: string;
  // biome-ignore lint/suspicious/noExplicitAny: properties are as CloudFormation has them
  Properties: any;
}

// What makes a synthesis slow is left to synth.slow.ts: CloudFormation's own rules, some seconds, and bundling the functions.
process.env.CDK_VALIDATION = 'false';
const withoutBundles = { 'aws:cdk:bundling-stacks': [] };

/** The stack as it would be deployed under the flags of cdk.json. */
export function synthesize(configuration: Record<string, unknown> = {}) {
  const config = readConfig(configuration);
  return synthesizeStack((app) => new HundredfoldStack(app, config.name, { config }));
}

/** Path of the one pipeline in the stack that is deployed. Tests name what is below it. */
const PIPELINE = 'Hundredfold/';

/** Any stack, as it would be deployed under the flags of cdk.json. */
export function synthesizeStack<Made extends Stack>(make: (app: App) => Made) {
  const stack = make(new App({ context: { ...context, ...withoutBundles } }));
  const template = Template.fromStack(stack).toJSON();

  /** Paths of the constructs below the stack, by logical id, so that tests name `Buckets/Work` and not `BucketsWorkA672F448`. */
  const paths = new Map(
    stack.node
      .findAll()
      .filter((construct) => CfnResource.isCfnResource(construct))
      .map((resource) => {
        const path = resource.node.path.slice(stack.node.path.length + 1).replace(/\/Resource$/, '');
        return [stack.getLogicalId(resource), path.startsWith(PIPELINE) ? path.slice(PIPELINE.length) : path];
      }),
  );

  /** References written out: `<Buckets/Work>` for a name, `<Buckets/Work.Arn>` for an attribute, joined texts as one. */
  function written(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(written);
    if (typeof value !== 'object' || value === null) return value;
    const [[key, argument] = [], ...more] = Object.entries(value) as [[string, unknown]?, ...unknown[]];
    if (more.length === 0 && key === 'Ref') return `<${paths.get(argument as string) ?? argument}>`;
    if (more.length === 0 && key === 'Fn::GetAtt') {
      const [id, attribute] = argument as [string, string];
      return `<${paths.get(id)}.${attribute}>`;
    }
    if (more.length === 0 && key === 'Fn::Join') {
      const [separator, parts] = argument as [string, unknown[]];
      return parts.map(written).join(separator);
    }
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, written(inner)]));
  }

  const resources = new Map<string, Resource>();
  for (const [id, resource] of Object.entries(template.Resources)) {
    resources.set(paths.get(id) ?? id, { Properties: {}, ...(written(resource) as object) } as Resource);
  }

  return {
    stack,
    outputs: written(template.Outputs ?? {}) as Record<string, { Value: unknown }>,
    resources,
    /** Every resource of a type, by its path. */
    ofType: (type: string) => [...resources].filter(([, resource]) => resource.Type === type),
    /** Properties of the resource at a path. */
    at(path: string) {
      const resource = resources.get(path);
      if (!resource) throw new Error(`There is no ${path}; there are ${[...resources.keys()].join(', ')}`);
      return resource.Properties;
    },
  };
}
