import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { s3ObjectStore } from '../../functions/shared/adapters/s3-object-store.ts';
import { claimAttempt } from '../../functions/shared/attempt.ts';
import type { Run } from '../../functions/shared/contract.ts';
import { SETTINGS_FILE, SUCCESS_FILE } from '../../functions/shared/object-keys.ts';
import { functionNames } from '../../infra/step-permissions.ts';
import type { Fault } from '../../local/model-server/faults.ts';
import { type ModelServer, startModelServer } from '../../local/model-server/model-server.ts';
import { executionArn } from '../fakes/execution-event.ts';
import { reviewsCsv } from '../local/program.ts';
import { type Account, openAccount } from './account.ts';
import { allows, byPrefix, type Grant, grantsOf, integrationNeeds, kindOf, type Need, needsOf } from './iam.ts';
import { openPipeline, type Pipeline, WORKFLOW } from './pipeline.ts';
import { type ApiCall, recordCalls } from './recorded-calls.ts';

jest.setTimeout(300_000);

const callers = [...functionNames, WORKFLOW] as const;

/** Long enough that the staged rows of one part are a multipart upload. */
const longReviews = (rows: number) =>
  `id,review\n${Array.from({ length: rows }, (_, row) => `r${row},"Review ${row}: ${'the lid, the handle and the price were fine. '.repeat(12)}"`).join('\n')}\n`;

let server: ModelServer;
let account: Account;
let pipeline: Pipeline;
let recorded: { calls: ApiCall[]; stop(): void };
/** What the model server does with the next requests. */
const faults: (Fault | undefined)[] = [];
const needs = new Map<string, Need[]>(callers.map((caller) => [caller, []]));

const dropOne = async (key: string, body: Uint8Array | string) => {
  const runs = await pipeline.drop(key, body);
  expect(runs).toHaveLength(1);
  return runs[0] as Run;
};
const statusOf = async (run: Run) => (await pipeline.execute(run)).output;

/** Everything that the pipeline does: every kind of upload, end and fault that makes another call. */
beforeAll(async () => {
  recorded = recordCalls();
  server = await startModelServer({ faults: () => faults.shift() });
  account = await openAccount(server.baseUrl);
  pipeline = await openPipeline(account);

  const file = await dropOne('support/july.csv', reviewsCsv(450));
  expect(await statusOf(file)).toMatchObject({ status: 'complete' });
  // A packed file is copied first; staging breaks off in the middle of an upload of parts, and is tried again.
  account.s3Server?.inject({ operation: 'UploadPart', times: 1, kind: 'error', code: 'AccessDenied' });
  const packed = await dropOne('support/packed.csv.gz', gzipSync(longReviews(20_000)));
  expect(await statusOf(packed)).toMatchObject({ status: 'complete' });

  // The copy of one that is redacted is removed.
  await pipeline.drop(`redacted/${SETTINGS_FILE}`, JSON.stringify({ redact: ['email'] }));
  const redacted = await dropOne('redacted/packed.csv.gz', gzipSync('id,review\n1,"Write to me at a@example.com, it broke."\n'));
  expect(await statusOf(redacted)).toMatchObject({ status: 'complete' });

  await pipeline.drop(`parts/${SETTINGS_FILE}`, JSON.stringify({ upload: 'folder' }));
  for (const part of [0, 1]) expect(await pipeline.drop(`parts/july/part-${part}.csv`, reviewsCsv(120, 120 * part))).toEqual([]);
  expect(await statusOf(await dropOne(`parts/july/${SUCCESS_FILE}`, ''))).toMatchObject({ status: 'complete' });

  const grouped = `id,review,product\n${Array.from({ length: 300 }, (_, row) => `r${row},"Review ${row}: fine.",p${row % 7}`).join('\n')}\nr300,,p1\n`;
  await pipeline.drop(`grouped/${SETTINGS_FILE}`, JSON.stringify({ groupColumn: 'product', minGroupRows: 43, batchRows: 10 }));
  expect(await statusOf(await dropOne('grouped/july.csv', grouped))).toMatchObject({ status: 'complete' });

  // Refused for its settings, and for itself.
  await pipeline.drop(`wrong/${SETTINGS_FILE}`, '{"batchRow": 5}');
  expect(await statusOf(await dropOne('wrong/july.csv', reviewsCsv(3)))).toMatchObject({ status: 'rejected' });
  expect(await statusOf(await dropOne('support/empty.csv', 'id,review\n'))).toMatchObject({ status: 'rejected' });

  // A call that is lost on its way back, then a key that is refused: halted, and taken up by another attempt.
  faults.push({ kind: 'drop', when: 'after' }, { kind: 'status', status: 401 });
  const halted = await dropOne('support/august.csv', reviewsCsv(90));
  expect(await statusOf(halted)).toMatchObject({ status: 'halted' });
  const work = s3ObjectStore(account.s3, account.buckets.work);
  const again: Run = { ...halted, attempt: 2 };
  const owner = executionArn(`${again.runId}-2`);
  await claimAttempt(work, again.runId, { ...again, owner, acceptedAt: new Date().toISOString() });
  expect(await statusOf(again)).toMatchObject({ status: 'complete' });

  // Stopped from outside, before it begins.
  const stopped = await dropOne('support/september.csv', reviewsCsv(30));
  expect((await pipeline.execute(stopped, AbortSignal.abort())).status).toBe('ABORTED');

  await pipeline.invoke('watch-runs', {});

  for (const call of recorded.calls) needs.get(call.caller)?.push(...needsOf(call, account));
  needs.get(WORKFLOW)?.push(...integrationNeeds(pipeline.definition.States));
});
afterAll(async () => {
  recorded.stop();
  await account.close();
  await server.close();
});

interface Exception {
  caller: (typeof callers)[number];
  grant: RegExp;
  reason: string;
}

/** Grants that no call of this process needs, or that are wider than what it needs, each with its reason. */
const exceptions: Exception[] = [
  ...callers.map((caller) => ({ caller, grant: /^logs:/, reason: 'Lambda and Step Functions write the logs themselves.' })),
  { caller: 'accept-upload', grant: /^sqs:/, reason: "Lambda's poller takes the messages from the queue in the function's name." },
  { caller: 'finish-run', grant: /^sqs:SendMessage/, reason: 'Lambda puts events that the function failed on there in its name.' },
  {
    caller: WORKFLOW,
    grant: /^s3:(ListMultipartUploadParts|AbortMultipartUpload)/,
    reason: 'Step Functions writes large results of a map in parts.',
  },
  {
    caller: 'plan-batches',
    grant: /^s3:AbortMultipartUpload/,
    reason: 'Any streamed object may have to be given up half-way, not only the one that is here.',
  },
];
const isExcepted = (caller: string, grant: Grant) =>
  exceptions.some((exception) => exception.caller === caller && exception.grant.test(`${grant.action} ${grant.resource}`));

const words = ({ action, resource, prefixes }: Grant) => `${action} ${resource}${prefixes === null ? '' : ` below ${prefixes}`}`;

describe.each(callers)('the role of %s', (caller) => {
  test('allows every call that was made', () => {
    const grants = grantsOf(caller);
    expect(needs.get(caller)).not.toEqual([]);
    expect(needs.get(caller)!.filter((need) => !grants.some((grant) => allows(grant, need)))).toEqual([]);
  });

  test('allows nothing that no call needs', () => {
    const unused = byPrefix(grantsOf(caller)).filter((grant) => !needs.get(caller)!.some((need) => allows(grant, need)));
    expect(unused.filter((grant) => !isExcepted(caller, grant)).map(words)).toEqual([]);
  });

  test('lets it write and delete only the kinds of objects that it writes and deletes', () => {
    const changing = /^s3:(PutObject|DeleteObject)$/;
    const all = new Set(
      [...needs.values()]
        .flat()
        .filter(({ action }) => changing.test(action))
        .map(({ resource }) => kindOf(resource)),
    );
    const wider = grantsOf(caller)
      .filter(({ action }) => changing.test(action))
      .flatMap((grant) => {
        const used = new Set(
          needs
            .get(caller)!
            .filter((need) => allows(grant, need))
            .map(({ resource }) => kindOf(resource)),
        );
        const covered = [...all].filter((kind) => allows({ ...grant, prefixes: null }, { action: grant.action, resource: kind }));
        return covered.filter((kind) => !used.has(kind)).map((kind) => `${words(grant)} also covers ${kind}`);
      });
    expect(wider).toEqual([]);
  });
});

test('every exception is one', () => {
  for (const { caller, grant } of exceptions)
    expect(
      grantsOf(caller)
        .map(words)
        .filter((text) => grant.test(text)),
    ).not.toEqual([]);
});
