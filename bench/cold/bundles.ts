import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { bundling } from '../../infra/pipeline-function.ts';

/** Bundles each handler as CDK does it, and a program of the libraries alone; writes beside each what it consists of. */
const [folder = '', ...functionNames] = process.argv.slice(2);
const repository = fileURLToPath(new URL('../..', import.meta.url));

const libraries = `
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import OpenAI from 'openai';
import * as z from 'zod';
export const handler = () => [new S3Client(), new DynamoDBClient(), new OpenAI({ apiKey: 'none' }), z.object({ text: z.string() })];
`;

/** Bytes of a bundle by package, the largest first; what is ours is one of them. */
function bytesByPackage(outputs: Metafile['outputs']): [string, number][] {
  const bytes = new Map<string, number>();
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? 'hundredfold';
      bytes.set(name, (bytes.get(name) ?? 0) + bytesInOutput);
    }
  }
  return [...bytes].sort(([, one], [, other]) => other - one);
}

async function bundle(name: string, input: { entryPoints: string[] } | { stdin: { contents: string; resolveDir: string } }): Promise<void> {
  const { metafile } = await build({
    ...input,
    ...{ bundle: true, platform: 'node', metafile: true, outfile: join(folder, name, 'index.mjs'), absWorkingDir: repository },
    ...{ format: 'esm', target: bundling.target as string, mainFields: bundling.mainFields as string[] },
    ...{ minify: bundling.minify as boolean, sourcemap: bundling.sourceMap as boolean, sourcesContent: bundling.sourcesContent as boolean },
    alias: Object.fromEntries(
      Object.entries(bundling.esbuildArgs ?? {}).map(([argument, path]) => [argument.replace('--alias:', ''), String(path)]),
    ),
  });
  const packages = bytesByPackage(Object.fromEntries(Object.entries(metafile.outputs).filter(([path]) => path.endsWith('.mjs'))));
  writeFileSync(join(folder, name, 'packages.json'), JSON.stringify(packages));
}

mkdirSync(folder, { recursive: true });
for (const name of functionNames) await bundle(name, { entryPoints: [join(repository, `functions/${name}/handler.ts`)] });
await bundle('libraries', { stdin: { contents: libraries, resolveDir: repository } });
