import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { AwsSolutionsChecks } from 'cdk-nag';
import { writeDigest } from '../../examples/read-summaries/digest.ts';
import { ReadSummariesStack } from '../../examples/read-summaries/read-summaries-stack.ts';
import { createS3Client, s3ObjectStore } from '../../functions/shared/adapters/s3-object-store.ts';
import type { RunEventDetail } from '../../functions/shared/run-event.ts';
import { type TableRow, tables } from '../../functions/shared/tables.ts';
import { ParquetFile } from '../../functions/write-tables/parquet-file.ts';
import { exampleEvents } from '../../local/event-reference.ts';
import { localStores } from '../../local/local-stores.ts';
import { query } from '../../local/query.ts';
import { MemoryStore } from '../fakes/memory-store.ts';
import { type S3Server, startS3Server } from '../fakes/s3-server/server.ts';
import { synthesizeStack } from '../infra/synthesized.ts';
import { eventsIn } from '../local/event-schemas.ts';
import { callProgram } from '../local/in-process.ts';
import { cleanUp, newFolder, reviewsCsv } from '../local/program.ts';
import { matchesForeign, matchingTypes } from './event-pattern.ts';

// A run is a process of its own, a second or more on a busy machine.
jest.setTimeout(60_000);

const deployed = synthesizeStack(
  (app) => new ReadSummariesStack(app, 'read', { eventBusName: 'hundredfold-test', resultsBucketName: 'results' }),
);

interface Statement {
  Action: string | string[];
  Resource: string;
  Condition?: { StringLike: { 's3:prefix': string } };
}
const statements: Statement[] = deployed.ofType('AWS::IAM::Policy').flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);

describe('the stack', () => {
  const rule = deployed.at('Completed');

  test('calls the function with what completed, and nothing else', () => {
    expect(rule).toMatchObject({ EventBusName: 'hundredfold-test', State: 'ENABLED' });
    expect(matchingTypes(rule.EventPattern)).toEqual(['Run Completed']);
    expect(matchesForeign(rule.EventPattern)).toBe(false);
    expect(rule.Targets).toEqual([expect.objectContaining({ Arn: '<Function.Arn>', DeadLetterConfig: { Arn: '<Undelivered.Arn>' } })]);
    expect(Object.keys(rule.Targets[0]).filter((key) => key.startsWith('Input'))).toEqual([]);
    expect(deployed.ofType('AWS::Lambda::EventInvokeConfig')).toMatchObject([
      ['Function/EventInvokeConfig', { Properties: { DestinationConfig: { OnFailure: { Destination: '<Undelivered.Arn>' } } } }],
    ]);
  });

  test('lets the function read summaries, write digests, and nothing else', () => {
    const bucket = 'arn:<AWS::Partition>:s3:::results';
    expect(statements.flatMap(({ Action, Resource }) => [Action].flat().map((action) => `${action} ${Resource}`)).sort()).toEqual(
      [
        'logs:CreateLogStream <Log.Arn>',
        'logs:PutLogEvents <Log.Arn>',
        `s3:ListBucket ${bucket}`,
        `s3:GetObject ${bucket}/tables/batch_summaries/*`,
        `s3:PutObject ${bucket}/digests/*`,
        'sqs:SendMessage <Undelivered.Arn>',
      ].sort(),
    );
    const [listing] = statements.filter(({ Action }) => Action === 's3:ListBucket');
    expect(listing?.Condition).toEqual({ StringLike: { 's3:prefix': 'tables/batch_summaries/*' } });
  });

  test('has nothing that cdk-nag finds', () => {
    expect(new AwsSolutionsChecks(deployed.stack).validateScope(deployed.stack).violations).toEqual([]);
  });
});

describe('the digest of a local run', () => {
  let out: string;
  let detail: RunEventDetail;
  let server: S3Server;
  beforeAll(async () => {
    const folder = newFolder();
    out = join(folder, 'out');
    const file = join(folder, 'reviews.csv');
    writeFileSync(file, `${reviewsCsv(45)}r45,,3\n`);
    await callProgram(['run', file, '--batch-size', '10', '--out', out]);
    detail = eventsIn(out).at(-1) as unknown as RunEventDetail;
    server = await startS3Server({ buckets: { results: { isVersioned: false } } });
  });
  afterAll(async () => {
    await server.close();
    cleanUp();
  });

  test('says what became of the run and has its summaries', async () => {
    const { results } = localStores(out);
    const key = await writeDigest(detail, results);
    expect(key).toBe(`digests/default/${detail.runId}.md`);
    const digest = Buffer.from((await results.get(key)) as Uint8Array).toString();
    expect(digest).toMatch(/^# .*reviews\.csv\n\n45 of 46 rows summarized in 5 batches, 0 failed, 1 rejected; \$0\.00\. Run reviews/);
    const { rows } = await query(out, 'select summary, row_count from batch_summaries where level = 0 order by batch_id');
    expect(rows).toHaveLength(5);
    const oneLine = (text: unknown) => String(text).replace(/\s+/g, ' ');
    const unescaped = digest.replace(/\\(.)/g, '$1');
    for (const { summary, row_count } of rows) expect(unescaped).toContain(`\n- **${row_count} rows**: ${oneLine(summary)}\n`);
    const [run] = (await query(out, 'select summary from runs')).rows;
    expect(unescaped).toContain(`\n> ${oneLine(run?.summary)}\n`);
  });

  test('is made from S3 with what the role allows', async () => {
    const local = localStores(out).results;
    const client = createS3Client(server.clientConfig);
    try {
      const store = s3ObjectStore(client, 'results');
      for await (const { key } of local.list('tables/')) await store.put(key, (await local.get(key)) as Uint8Array);
      const before = server.requests.length;
      const key = await writeDigest(detail, store);
      expect(await store.get(key)).toEqual(await local.get(await writeDigest(detail, local)));

      const requests = server.requests.slice(before, -1);
      const used = new Set(requests.map(({ operation, key = '' }) => `${operation} ${key.split('/').slice(0, 2).join('/')}`));
      expect([...used].sort()).toEqual(['GetObject tables/batch_summaries', 'ListObjectsV2 ', 'PutObject digests/default']);
    } finally {
      client.destroy();
    }
  });
});

describe('the digest of a run with levels', () => {
  type Row = Partial<Record<'level' | 'batch_id' | 'parent_level' | 'parent_batch_id' | 'row_count' | 'rows_failed', number>> & {
    run_id?: string;
    group_key?: string;
    summary?: string | null;
    status?: string;
  };
  const { detail } = exampleEvents['Run Completed'];
  const prefix = detail.results.prefixes.batch_summaries;

  /** A bucket with files of the run, each by the end of its name. */
  function bucketOf(files: Record<string, Row[]>): MemoryStore {
    const store = new MemoryStore('results');
    for (const [name, rows] of Object.entries(files)) {
      const file = new ParquetFile(tables.batch_summaries);
      const nulls = Object.fromEntries(tables.batch_summaries.columns.map((column) => [column.name, null]));
      for (const row of rows) {
        const filled = {
          ...nulls,
          run_id: detail.runId,
          row_count: 100,
          rows_failed: 0,
          status: 'ok',
          summary: `S${row.level}-${row.batch_id}`,
        };
        file.add({ ...filled, ...row } as TableRow);
      }
      store.seed(prefix + name, file.close());
    }
    return store;
  }
  const batches = (from: number, to: number, parent: Row = {}): Row[] =>
    Array.from({ length: to - from }, (_, index) => ({ level: 0, batch_id: from + index, ...parent }));
  const below = (level: number, batchId = 0) => ({ parent_level: level, parent_batch_id: batchId });

  async function digestOf(store: MemoryStore, changes: Partial<RunEventDetail> = {}) {
    const digest = store.text(await writeDigest({ ...detail, ...changes }, store)).replace(/\\(.)/g, '$1');
    const shown = digest.split('\n').filter((line) => line.startsWith('- '));
    const read = new Set(store.operations.filter((line) => line.startsWith('get ')));
    return { digest, shown, read: [...read].map((line) => line.slice(`get ${prefix}`.length)) };
  }

  test('250 batches: the root and the three folds beneath it, from the file of the levels alone', async () => {
    const store = bucketOf({
      '000000.parquet': batches(0, 250, below(1)),
      'levels.parquet': [
        { level: 1, batch_id: 0, ...below(2), row_count: 10_000 },
        { level: 1, batch_id: 1, ...below(2), row_count: 10_000 },
        { level: 1, batch_id: 2, ...below(2), row_count: 5_000, rows_failed: 40, summary: '<b>[x](http://evil)' },
        { level: 2, batch_id: 0, row_count: 25_000, rows_failed: 40 },
      ],
    });
    const { digest, shown, read } = await digestOf(store);
    expect(digest).toContain('24,960 of 25,000 rows summarized in 250 batches, 0 failed, 40 rejected; $0.22.');
    expect(digest).toContain('\n> S2-0\n\n## Beneath it\n');
    expect(shown).toEqual(['- **10,000 rows**: S1-0', '- **10,000 rows**: S1-1', '- **5,000 rows**: <b>[x](http://evil)']);
    expect(store.text(`digests/support/${detail.runId}.md`)).toContain('\\<b\\>\\[x\\]\\(http://evil\\)');
    expect(read).toEqual(['levels.parquet']);
  });

  test('ten batches: the root and all of them, one without a summary', async () => {
    const rows = batches(0, 9, below(1));
    const failed = { level: 0, batch_id: 9, ...below(1), rows_failed: 100, summary: null, status: 'failed' };
    const store = bucketOf({
      '000000.parquet': [...rows, failed],
      'levels.parquet': [{ level: 1, batch_id: 0, row_count: 1_000, rows_failed: 100 }],
    });
    const { digest, shown } = await digestOf(store);
    expect(digest).toContain('\n> S1-0\n');
    expect(shown).toHaveLength(10);
    expect(shown.at(-1)).toBe('- **100 rows**: (no summary: failed)');
  });

  test('101 batches: what was passed up stands beside the fold, and is found in the last part', async () => {
    const store = bucketOf({
      '000000.parquet': batches(0, 60, below(1)),
      '000001.parquet': [...batches(60, 100, below(1)), ...batches(100, 101, below(2))],
      'levels.parquet': [
        { level: 1, batch_id: 0, ...below(2), row_count: 10_000 },
        { level: 2, batch_id: 0, row_count: 10_100 },
      ],
    });
    const { shown, read } = await digestOf(store);
    expect(shown).toEqual(['- **10,000 rows**: S1-0', '- **100 rows**: S0-100']);
    expect(read).toEqual(['levels.parquet', '000001.parquet']);
  });

  test('one batch is its own root', async () => {
    const { digest, shown } = await digestOf(bucketOf({ '000000.parquet': batches(0, 1) }));
    expect(digest).toContain('\n> S0-0\n');
    expect(shown).toEqual([]);
  });

  test('without a root: the first hundred batches; those of a run whose name begins the same are left out', async () => {
    const store = bucketOf({
      '000000.parquet': batches(0, 70),
      '000001.parquet': batches(70, 140),
      '000002.parquet': batches(140, 210),
      'again-000000.parquet': [{ level: 0, batch_id: 0, run_id: 'july-0123456789abcdef-again', summary: 'foreign' }],
    });
    const { digest, shown, read } = await digestOf(store, { summaryKey: null });
    expect(digest).not.toContain('\n> ');
    expect(shown).toHaveLength(100);
    expect(shown.at(-1)).toBe('- **100 rows**: S0-99');
    expect(digest).not.toContain('foreign');
    expect(read).toEqual(['000000.parquet', '000001.parquet']);
  });

  test('names of groups are shown, and are no markup either', async () => {
    const store = bucketOf({ '000000.parquet': batches(0, 1, { group_key: '*Coffee*' }) });
    await digestOf(store, { summaryKey: null });
    expect(store.text(`digests/support/${detail.runId}.md`)).toContain('- **\\*Coffee\\*, 100 rows**: S0\\-0');
  });
});

test('an event of another type is refused', async () => {
  await expect(writeDigest(exampleEvents['Run Failed'].detail, new MemoryStore('results'))).rejects.toMatchObject({ name: 'ZodError' });
});
