import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createS3Client, s3ObjectStore } from '../../functions/shared/adapters/s3-object-store.ts';
import { tables } from '../../functions/shared/tables.ts';
import { ParquetFile } from '../../functions/write-tables/parquet-file.ts';
import { delivered, exampleEvents } from '../../local/event-reference.ts';
import { startS3Server } from '../fakes/s3-server/server.ts';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../..', import.meta.url));
const bin = join(repository, 'node_modules/.bin');
/** As npx has it: `node` in the commands is the project's own. */
const PATH = `${bin}:${process.env.PATH}`;

let assemblies: string;
beforeAll(async () => {
  assemblies = await mkdtemp(join(tmpdir(), 'hundredfold-examples-'));
});
afterAll(() => rm(assemblies, { recursive: true, force: true }));

const examples = ['notify', 'webhook', 'read-summaries'];

test('there are these examples and no others', async () => {
  expect((await readdir(join(repository, 'examples'))).sort()).toEqual([...examples].sort());
});

test.each(examples)('%s: what its README says to deploy is synthesized, with nothing to warn of', async (name) => {
  const readme = await readFile(join(repository, 'examples', name, 'README.md'), 'utf8');
  const [, app, context] = /^npx cdk deploy --app "([^"]+)" -c (\S+)$/m.exec(readme) ?? [];
  const args = [
    'synth',
    '--quiet',
    '--strict',
    '--no-color',
    '--app',
    String(app),
    '-c',
    String(context),
    '--output',
    join(assemblies, name),
  ];
  const { stdout, stderr } = await run(join(bin, 'cdk'), args, { cwd: repository, env: { ...process.env, PATH } });
  // npm complains of its own settings when CDK starts esbuild through npx.
  const warnings = `${stdout}${stderr}`.split('\n').filter((line) => /warn|deprecat|error/i.test(line) && !line.startsWith('npm warn'));
  expect(warnings).toEqual([]);
});

test('the bundle of read-summaries, in a process of its own, writes the digest of an event', async () => {
  const [bundle] = (await readdir(join(assemblies, 'read-summaries'))).filter((name) => name.startsWith('asset.'));
  const server = await startS3Server({ buckets: { results: { isVersioned: false } } });
  const client = createS3Client(server.clientConfig);
  try {
    const results = s3ObjectStore(client, 'results');
    const event = delivered(exampleEvents['Run Completed']);
    const file = new ParquetFile(tables.batch_summaries);
    const nulls = Object.fromEntries(tables.batch_summaries.columns.map((column) => [column.name, null]));
    file.add({
      ...nulls,
      run_id: event.detail.runId,
      level: 0,
      batch_id: 0,
      row_count: 100,
      rows_failed: 0,
      status: 'ok',
      summary: 'The lid fits',
    });
    await results.put(`${event.detail.results.prefixes.batch_summaries}000000.parquet`, file.close());

    const url = pathToFileURL(join(assemblies, 'read-summaries', String(bundle), 'index.mjs')).href;
    const program = `console.log(JSON.stringify(await (await import(${JSON.stringify(url)})).handler(${JSON.stringify(event)})))`;
    const env = {
      ...{ PATH, RESULTS_BUCKET: 'results', AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_S3: server.endpoint },
      ...{ AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
    };
    const { stdout } = await run(join(bin, 'node'), ['--input-type=module', '--eval', program], { env, cwd: assemblies });
    const { key } = JSON.parse(stdout);
    expect(key).toBe(`digests/support/${event.detail.runId}.md`);
    expect(Buffer.from((await results.get(key)) as Uint8Array).toString()).toContain('\n> The lid fits\n');
  } finally {
    client.destroy();
    await server.close();
  }
});
