import { cpSync, existsSync, globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { forgetCommand } from '../../local/forget-command.ts';
import { query } from '../../local/query.ts';
import { openPlace } from '../../local/run-place.ts';
import { parquetRows } from '../functions/write-tables/parquet-content.ts';
import { startFakeStack } from './fake-stack.ts';
import { cleanUp, newFolder, recordOf, reviewsCsv, runProgram } from './program.ts';

jest.setTimeout(300_000);
afterAll(cleanUp);

const prepared = join(newFolder(), 'out');
let july = '';
let digest = '';
beforeAll(async () => {
  const files = newFolder();
  const run = async (name: string, from: number) => {
    writeFileSync(join(files, `${name}.csv`), `${reviewsCsv(25, from)}r99,,the one of r${from + 17} was better,2\n`);
    const flags = ['--dataset', 'support', '--offline', '--json', '--batch-size', '10', '--out', prepared];
    return String(recordOf(await runProgram(['run', join(files, `${name}.csv`), ...flags])).run_id);
  };
  july = await run('july', 0);
  await run('august', 100);
  digest = String(recordOf(await runProgram(['digest', 'support', '--offline', '--json', '--out', prepared])).run_id);
});

function freshCopy(): string {
  const out = join(newFolder(), 'out');
  cpSync(prepared, out, { recursive: true, preserveTimestamps: true });
  return out;
}

/** Paths of all files that hold the words of the row, tables unpacked. */
async function holders(out: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of globSync('**/*', { cwd: out }).sort()) {
    if (!statSync(join(out, path)).isFile()) continue;
    const bytes = readFileSync(join(out, path));
    const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? Number(value) : value);
    const text = path.endsWith('.parquet') ? JSON.stringify(await parquetRows(bytes), plain) : bytes.toString();
    if (/Review 17:|of r17 was/.test(text)) found.push(path);
  }
  return found;
}

const rows = (out: string) =>
  query(
    out,
    `SELECT id, batch_id, text IS NULL AS no_text, attributes IS NULL AS no_attributes, summary IS NULL AS no_summary, error_code FROM row_summaries WHERE run_id = '${july}' ORDER BY row_number`,
  );

/** Everything that tables say of the two uploads. */
async function tablesOf(out: string) {
  const all: Record<string, unknown> = {};
  for (const table of ['row_summaries', 'batch_summaries', 'rejected_rows', 'runs'])
    all[table] = (await query(out, `SELECT * FROM ${table} ORDER BY ALL`)).rows;
  return all;
}

async function quietly(work: () => Promise<number>): Promise<number> {
  const written = jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
  try {
    return await work();
  } finally {
    written.mockRestore();
  }
}

test('the key of a group stays, since other rows may have it, and is said to', async () => {
  const [files, out] = [newFolder(), join(newFolder(), 'out')];
  writeFileSync(join(files, 'grouped.csv'), 'id,review,owner\nr1,The lid was fine.,Ada L.\nr2,The lid was not.,Bo M.\n');
  const flags = ['--dataset', 'support', '--offline', '--group-column', 'owner', '--out', out];
  expect((await runProgram(['run', join(files, 'grouped.csv'), ...flags])).code).toBe(0);
  const gone = await runProgram(['forget', '--row', 'support', 'r1', '--out', out, '--yes']);
  expect(gone.stdout).toContain('The key of its group stays, in group_key: "Ada L.".');
  expect(gone.stdout).not.toContain('Bo M.');
  expect((await query(out, "SELECT group_key FROM row_summaries WHERE id = 'r1'")).rows).toEqual([{ group_key: 'Ada L.' }]);
});

test('a row goes from its tables with every summary that it went into; the others stay', async () => {
  const out = freshCopy();
  const before = await tablesOf(out);
  const dry = await runProgram(['forget', '--row', 'support', 'r17', '--out', out, '--dry-run']);
  expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining('table files, written anew without the row')]);
  expect(await tablesOf(out)).toEqual(before);

  const gone = await runProgram(['forget', '--row', 'support', 'r17', '--out', out, '--yes']);
  expect(gone.code).toBe(0);
  expect(gone.stdout).toMatch(/These uploads hold the row.*support\/july\.csv, version [0-9a-f]{64}/s);
  expect(await holders(out)).toEqual(['input/support/july.csv']);

  const left = (await rows(out)).rows;
  expect(left).toHaveLength(25);
  for (const { id, batch_id, ...is } of left) {
    const isIt = id === 'r17';
    const isBeside = batch_id === 1;
    expect({ id, ...is }).toEqual({
      id,
      no_text: isIt,
      no_attributes: isIt,
      no_summary: isBeside,
      error_code: isBeside ? 'forgotten' : null,
    });
  }
  const batches = await query(
    out,
    `SELECT level, batch_id, summary IS NULL AS gone FROM batch_summaries WHERE run_id = '${july}' ORDER BY ALL`,
  );
  expect(batches.rows.map(({ level, batch_id, gone: isGone }) => [level, batch_id, isGone])).toEqual([
    [0, 0, false],
    [0, 1, true],
    [0, 2, false],
    [1, 0, true],
  ]);
  const { rows: runs } = await query(out, 'SELECT run_id, summary IS NULL AS gone, notes, rows_in FROM runs ORDER BY started_at');
  expect(runs).toHaveLength(2);
  expect(runs[0]).toMatchObject({ run_id: july, gone: true, rows_in: 26, notes: expect.stringContaining('A row of this run was erased') });
  expect(runs[1]).toMatchObject({ gone: false, notes: '[]' });
  expect(globSync(`**/*${digest}*`, { cwd: out })).toEqual([]);
  // Answers to batches that the row is not in were paid for and stay.
  const contents = globSync('work/summaries/**/*.json', { cwd: out }).map(
    (path) => JSON.parse(readFileSync(join(out, path), 'utf8')).paidBy,
  );
  expect(
    contents
      .filter(({ runId }) => runId === july)
      .map(({ level, batchId }) => [level, batchId])
      .sort(),
  ).toEqual([
    [0, 0],
    [0, 2],
  ]);

  const again = await runProgram(['forget', '--row', 'support', 'r17', '--out', out, '--yes']);
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('Nothing is stored of row r17 of dataset support')]);
  expect((await runProgram(['forget', '--row', 'support', 'r17', '--out', out, '--yes', '--delete-uploads'])).code).toBe(0);
  expect(existsSync(join(out, 'input/support/july.csv'))).toBe(false);
  expect(existsSync(join(out, 'input/support/august.csv'))).toBe(true);
});

test('killed at one moment or another, the same command brings it to the same end', async () => {
  const whole = freshCopy();
  await quietly(() => forgetCommand({ row: ['support', 'r17'], out: whole, yes: true }));
  const expected = await tablesOf(whole);
  let isWhole = false;
  for (let allowed = 0; !isWhole; allowed += 7) {
    const out = freshCopy();
    const place = await openPlace({ out });
    let steps = 0;
    const step = () => {
      if (steps++ === allowed) throw new Error('killed');
    };
    const put: typeof place.results.put = async (...args) => {
      step();
      await place.results.put(...args);
    };
    const results = new Proxy(place.results, { get: (store, name) => (name === 'put' ? put : bound(store, name)) });
    const dying = Object.fromEntries(
      Object.entries(place.versions).map(([name, versions]) => {
        const remove: typeof versions.delete = async (some) => {
          for (const version of some) {
            step();
            await versions.delete([version]);
          }
        };
        return [name, { ...versions, delete: remove }];
      }),
    ) as unknown as typeof place.versions;
    const options = { row: ['support', 'r17'], out, yes: true } as const;
    isWhole = await quietly(() => forgetCommand({ ...options, row: [...options.row] }, { ...place, results, versions: dying })).then(
      () => true,
      (error: Error) => error.message !== 'killed',
    );
    await quietly(() => forgetCommand({ ...options, row: [...options.row] }));
    expect(await tablesOf(out)).toEqual(expected);
    expect(await holders(out)).toEqual(['input/support/july.csv']);
    expect(globSync(`**/*${july}*`, { cwd: join(out, 'work') })).toEqual([]);
  }
});

const bound = (store: object, name: string | symbol) => {
  const value: unknown = Reflect.get(store, name);
  return typeof value === 'function' ? value.bind(store) : value;
};

test('in a stack, of which the results bucket keeps versions, the replaced table files go, too', async () => {
  const stack = await startFakeStack({ isResultsVersioned: true });
  try {
    await stack.drop();
    const runId = await stack.submit();
    await stack.work(`${runId}-1`);
    const gone = await stack.command('forget', '--row', 'support', 'r17', '--stack', '--yes');
    expect([gone.code, gone.stdout]).toEqual([0, expect.stringContaining('support/july.csv, version')]);
    const versions = stack.s3.bucket('results').allVersions();
    expect(versions.length).toBeGreaterThan(3);
    for (const { isLatest, object } of versions) {
      expect(isLatest).toBe(true);
      expect(JSON.stringify((await parquetRows(object!.body)).map(({ text }) => text))).not.toContain('Review 17:');
    }
    expect(
      stack.s3
        .bucket('work')
        .keys()
        .filter((key) => key.includes(runId)),
    ).toEqual([]);
  } finally {
    await stack.close();
  }
});

test('what is not said well is refused', async () => {
  const out = newFolder();
  for (const [words, ...args] of [
    ['Say what to forget'],
    ['Say what to forget', '--run', 'a', '--dataset', 'b'],
    ['--row takes two words', '--row', 'support'],
    ['--delete-uploads goes with --row', '--run', 'a', '--delete-uploads'],
  ] as const) {
    const refused = await runProgram(['forget', ...args, '--out', out]);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(words)]);
  }
});
