import { cpSync, globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { readAttempt } from '../../functions/shared/attempt.ts';
import { attemptClosedKey, attemptKey } from '../../functions/shared/object-keys.ts';
import { forgetCommand } from '../../local/forget-command.ts';
import { thisOwner } from '../../local/owner.ts';
import { openPlace } from '../../local/run-place.ts';
import { startFakeStack } from './fake-stack.ts';
import { cleanUp, newFolder, recordOf, reviewsCsv, runProgram } from './program.ts';

jest.setTimeout(300_000);
afterAll(cleanUp);

/** A folder with two runs of dataset support and their digest, and one run of another dataset. */
const prepared = join(newFolder(), 'out');
const runs: Record<'july' | 'august' | 'other' | 'digest', string> = { july: '', august: '', other: '', digest: '' };

beforeAll(async () => {
  const files = newFolder();
  const run = async (name: string, dataset: string, from: number) => {
    writeFileSync(join(files, `${name}.csv`), reviewsCsv(25, from));
    const flags = ['--offline', '--json', '--batch-size', '10', '--out', prepared];
    return String(recordOf(await runProgram(['run', join(files, `${name}.csv`), '--dataset', dataset, ...flags])).run_id);
  };
  runs.july = await run('july', 'support', 0);
  runs.august = await run('august', 'support', 100);
  runs.other = await run('july', 'other', 200);
  runs.digest = String(recordOf(await runProgram(['digest', 'support', '--offline', '--json', '--out', prepared])).run_id);
});

function freshCopy(): string {
  const out = join(newFolder(), 'out');
  cpSync(prepared, out, { recursive: true, preserveTimestamps: true });
  return out;
}

/** Every file with its bytes, but for half-written ones. */
const filesOf = (out: string): Record<string, string> =>
  Object.fromEntries(
    globSync('**/*', { cwd: out })
      .filter((path) => statSync(join(out, path)).isFile() && !path.includes('.tmp'))
      .sort()
      .map((path) => [path, readFileSync(join(out, path), 'base64')]),
  );

/** What is left when these runs and uploads are gone. */
function without(files: Record<string, string>, gone: RegExp): Record<string, string> {
  const left = Object.fromEntries(Object.entries(files).filter(([path]) => !gone.test(path)));
  const events = Buffer.from(left['events.jsonl'] ?? '', 'base64').toString();
  const isLeft = (line: string) => line === '' || !gone.test(`runs/${JSON.parse(line).runId}/`);
  left['events.jsonl'] = Buffer.from(events.split('\n').filter(isLeft).join('\n')).toString('base64');
  return left;
}

/** Answers that a run paid for, as paths. */
const contentsOf = (out: string, runId: string) =>
  globSync('work/summaries/**/*.json', { cwd: out }).filter(
    (path) => JSON.parse(readFileSync(join(out, path), 'utf8')).paidBy.runId === runId,
  );

function traceOfJuly(out: string): RegExp {
  const contents = [...contentsOf(out, runs.july), ...contentsOf(out, runs.digest)];
  const uploads = [
    'input/support/july.csv',
    'input/.versions/support/july.csv.json',
    'input/support/_digest',
    'input/.versions/support/_digest',
  ];
  return new RegExp([runs.july, runs.digest, ...contents, ...uploads].join('|'));
}

const quiet = async (work: () => Promise<number>) => {
  const written = jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
  try {
    return await work();
  } finally {
    written.mockRestore();
  }
};

test('a run goes with all that holds its words, its digest too; everything else stays as it was', async () => {
  const out = freshCopy();
  const expected = without(filesOf(out), traceOfJuly(out));
  const dry = await runProgram(['forget', '--run', runs.july, '--out', out, '--dry-run']);
  expect(dry.code).toBe(0);
  expect(dry.stdout).toMatch(
    new RegExp(`Would remove for good.*run ${runs.july}.*run ${runs.digest}.*table files.*paid answers.*work objects`, 's'),
  );
  expect(filesOf(out)).toEqual(filesOf(prepared));

  const unasked = await runProgram(['forget', '--run', runs.july, '--out', out]);
  expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('say --yes')]);
  expect(filesOf(out)).toEqual(filesOf(prepared));

  const gone = await runProgram(['forget', '--run', runs.july, '--out', out, '--yes', '--json']);
  expect(gone.code).toBe(0);
  expect(JSON.parse(gone.stdout)).toMatchObject({ removed: true, runs: [runs.july, runs.digest] });
  expect(filesOf(out)).toEqual(expected);
  const again = await runProgram(['forget', '--run', runs.july, '--out', out, '--yes']);
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining(`Nothing is stored of run ${runs.july}`)]);
});

test('a dataset goes with its uploads, settings, digests and answers', async () => {
  const out = freshCopy();
  const gone = await runProgram(['forget', '--dataset', 'support', '--out', out, '--yes']);
  expect(gone.code).toBe(0);
  const left = filesOf(out);
  expect(
    Object.keys(left).filter((path) => path.includes('support') || [runs.july, runs.august, runs.digest].some((id) => path.includes(id))),
  ).toEqual([]);
  expect(left).toEqual(without(filesOf(prepared), new RegExp(`/support/|${runs.july}|${runs.august}|${runs.digest}`)));
  expect(globSync('**/support', { cwd: out })).toEqual([]);
});

test('killed at one moment or another, it is brought to its end by the same command; meanwhile the run is not taken up', async () => {
  const expected = without(filesOf(prepared), traceOfJuly(prepared));
  let isWhole = false;
  for (let allowed = 0; !isWhole; allowed += 3) {
    const out = freshCopy();
    const place = await openPlace({ out });
    let deletions = 0;
    const dying = Object.fromEntries(
      Object.entries(place.versions).map(([name, versions]) => [
        name,
        {
          ...versions,
          delete: async (some: Parameters<typeof versions.delete>[0]) => {
            for (const version of some) {
              if (deletions++ === allowed) throw new Error('killed');
              await versions.delete([version]);
            }
          },
        },
      ]),
    ) as typeof place.versions;
    const options = { run: runs.july, out, yes: true } as const;
    isWhole = await quiet(() => forgetCommand(options, { ...place, versions: dying })).then(
      () => true,
      (error: Error) => error.message !== 'killed',
    );
    if (allowed === 3) {
      const taken = await runProgram(['redrive', runs.july, '--out', out]);
      expect([taken.code, taken.stderr]).toEqual([2, expect.stringContaining('is being forgotten')]);
    }
    await quiet(() => forgetCommand(options));
    expect(filesOf(out)).toEqual(expected);
  }
});

test('nothing is removed while somebody works on the run', async () => {
  const out = freshCopy();
  const { work } = (await openPlace({ out })).home;
  const claim = (await readAttempt(work, runs.july, 1))!;
  await work.put(attemptKey(runs.july, 1), JSON.stringify({ ...claim, owner: thisOwner() }));
  await work.delete([attemptClosedKey(runs.july, 1)]);
  const before = filesOf(out);
  for (const what of [
    ['--run', runs.july],
    ['--dataset', 'support'],
  ]) {
    const refused = await runProgram(['forget', ...what, '--out', out, '--yes']);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/Process \d+ is working on this very run\. Wait until it ends, or stop it/),
    ]);
  }
  expect(filesOf(out)).toEqual(before);
});

test('in a stack all versions go: of a run the one that it read, of a dataset every one and every mark of a deletion', async () => {
  const stack = await startFakeStack();
  try {
    await stack.drop();
    const first = await stack.submit();
    const running = await stack.command('forget', '--run', first, '--stack', '--yes');
    expect([running.code, running.stderr]).toEqual([2, expect.stringContaining('aws stepfunctions stop-execution')]);
    await stack.work(`${first}-1`);
    await stack.drop({ batchRows: 10 }, 'support/july.csv', 30);
    const second = await stack.submit();
    await stack.work(`${second}-1`);

    expect((await stack.command('forget', '--run', first, '--stack', '--yes')).code).toBe(0);
    const versions = () => stack.s3.bucket('in-put').allVersions();
    const ofJuly = versions().filter(({ key }) => key === 'support/july.csv');
    expect(ofJuly).toHaveLength(1);
    expect(ofJuly[0]?.object?.body.toString()).toContain('Review 29');
    const keys = () => ['work', 'results'].flatMap((name) => stack.s3.bucket(name).keys());
    expect(keys().filter((key) => key.includes(first))).toEqual([]);
    expect(keys().filter((key) => key.includes(second)).length).toBeGreaterThan(10);

    await stack.stores.results.put('athena/2026/result.csv', 'words');
    await stack.stores.input.delete(['support/july.csv']);
    const gone = await stack.command('forget', '--dataset', 'support', '--stack', '--yes', '--query-results');
    expect([gone.code, gone.stdout]).toEqual([0, expect.stringContaining('Query results of Athena')]);
    expect(versions()).toEqual([]);
    expect(keys()).toEqual([]);
  } finally {
    await stack.close();
  }
});
