import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { namedQueries } from '../../infra/queries.ts';
import { startModelServer } from '../../local/model-server/model-server.ts';
import { statementOf } from '../../local/named-query.ts';
import { query } from '../../local/query.ts';
import { callProgram } from './in-process.ts';
import { cleanUp, endpointEnv, newFolder, recordOf, repository } from './program.ts';

// Each run is a process of its own, a second or more on a busy machine.
jest.setTimeout(120_000);
afterAll(cleanUp);

type Row = Record<string, string | number | null>;

/** What `--named NAME [--run RUN]` shows of an out folder. */
async function ask(out: string, named: string, run?: string): Promise<Row[]> {
  const { sql, values } = statementOf(undefined, { named, ...(run !== undefined && { run }) })!;
  return (await query(out, sql, values)).rows as Row[];
}

const chunksOf = <Item>(items: readonly Item[], size: number) =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
const onLevel0 = (rows: readonly Row[]) => rows.filter(({ level }) => level === 0);

const realFiles = [
  { name: 'the sample', path: join(repository, 'samples', 'reviews.csv'), id: 'review_id', text: 'review' },
  {
    name: '1,000 real reviews',
    path: join(repository, '..', 'shared', 'data', 'clothing-reviews-1000.csv'),
    // Its first column has no name, so the id is the row number, from 1.
    id: null,
    text: 'Review Text',
  },
];

describe.each(realFiles)('$name, counted from the file itself', ({ path, id, text }) => {
  const testWithFile = existsSync(path) ? test : test.skip;
  const out = newFolder();
  let usable: Row[];
  let blank: Row[];
  beforeAll(async () => {
    if (!existsSync(path)) return;
    const records = (parse(readFileSync(path), { columns: true, bom: true }) as Record<string, string>[]).map(
      (record, index): Row => ({ id: id === null ? String(index + 1) : record[id]!, review: record[text]!, row_number: index }),
    );
    usable = records.filter(({ review }) => String(review).trim() !== '');
    blank = records.filter(({ review }) => String(review).trim() === '');
    expect((await callProgram(['run', path, '--offline', '--text-column', text, '--out', out])).code).toBe(0);
  });

  testWithFile('final_table and latest_rows: each row with a text, in the order of the file', async () => {
    const final = await ask(out, 'final_table');
    expect(final.map((row) => ({ id: row.id, review: row.review }))).toEqual(usable.map((row) => ({ id: row.id, review: row.review })));
    const latest = await ask(out, 'latest_rows');
    expect(latest.map(({ row_number }) => row_number)).toEqual(usable.map(({ row_number }) => row_number));
  });

  testWithFile('run_batches and latest_batches: one for each hundred rows, each with the summary that its rows show', async () => {
    const batches = onLevel0(await ask(out, 'run_batches'));
    const chunks = chunksOf(usable, 100);
    expect(batches.map(({ first_row, row_count, status }) => [first_row, row_count, status])).toEqual(
      chunks.map((chunk) => [chunk[0]!.row_number, chunk.length, 'ok']),
    );
    const final = await ask(out, 'final_table');
    expect(final.map(({ summary }) => summary)).toEqual(chunks.flatMap((chunk, index) => chunk.map(() => batches[index]!.summary)));
    expect(onLevel0(await ask(out, 'latest_batches')).map(({ summary }) => summary)).toEqual(batches.map(({ summary }) => summary));
  });

  testWithFile('rejected_reasons: rows without a text; failures: none', async () => {
    const [{ first_raw, first_line, run_id, ...rejected }, ...more] = (await ask(out, 'rejected_reasons')) as [Row];
    expect({ rejected, more }).toEqual({
      rejected: { reason: 'empty_text', rejected: blank.length, first_row_number: blank[0]!.row_number },
      more: [],
    });
    const lines = readFileSync(path, 'utf8').split('\n');
    expect(String(first_raw).trimEnd()).toBe(lines[Number(first_line) - 1]!.trimEnd());
    expect(await ask(out, 'failures')).toEqual([]);
  });

  testWithFile('tree: every row hangs on its batch, every batch on a node above or on nothing, and counts add up', async () => {
    const nodes = await ask(out, 'tree');
    const rows = nodes.filter(({ row_number }) => row_number !== null);
    expect(rows.map(({ row_number, text: review }) => [row_number, review])).toEqual(
      usable.map(({ row_number, review }) => [row_number, review]),
    );
    const batches = nodes.filter(({ row_number }) => row_number === null);
    const nameOf = (level: unknown, batch: unknown) => `${level}/${batch}`;
    const seen = new Set<string>();
    const beneath = new Map<string, number>();
    for (const node of nodes) {
      const parent = nameOf(node.parent_level, node.parent_batch_id);
      // A node comes after the one that it hangs on.
      expect(node.parent_level === null || seen.has(parent)).toBe(true);
      beneath.set(parent, (beneath.get(parent) ?? 0) + Number(node.row_count));
      if (node.row_number === null) seen.add(nameOf(node.level, node.batch_id));
    }
    for (const { level, batch_id, row_count } of batches) expect(beneath.get(nameOf(level, batch_id))).toBe(row_count);
    expect(beneath.get(nameOf(null, null))).toBe(usable.length);
  });
});

describe('two datasets, files dropped again, runs that end badly', () => {
  const folder = newFolder();
  const out = join(folder, 'out');
  const reviews = (name: string, rows: number) =>
    Array.from({ length: rows }, (_, row): Row => ({ id: `${name}-${row}`, review: `${name} ${row}: the lid was fine`, row_number: row }));
  const csv = (rows: readonly Row[]) => `id,review\n${rows.map(({ id, review }) => `${id},${review}\n`).join('')}`;
  const answerTo = (texts: readonly string[]) => `${texts.length} say: ${texts[0]}`;
  const withSummaries = (rows: readonly Row[]) =>
    chunksOf(rows, 10).flatMap((chunk) =>
      chunk.map(({ id, review }) => ({ id, review, summary: answerTo(chunk.map((row) => String(row.review))) })),
    );

  const julyFirst = reviews('first', 25);
  const julyAgain = reviews('again', 32);
  const julyOfOthers = reviews('others', 12);
  const poisoned = reviews('poisoned', 40);
  for (const row of [13, 15]) poisoned[row]!.review += ' POISON';
  for (const row of [34]) poisoned[row]!.review += ' BROKEN';
  const runs: Record<string, Record<string, string | number | null>> = {};
  let shopTokens: { inputTokens: number; outputTokens: number };
  let shopAnswers: number;
  let ticketTokens: { inputTokens: number; outputTokens: number };

  beforeAll(async () => {
    const faults = (_: number, { messages }: { messages: { content?: unknown }[] }) => {
      const words = JSON.stringify(messages);
      if (words.includes('DENIED')) return { kind: 'status' as const, status: 401 };
      if (words.includes('BROKEN')) return { kind: 'status' as const, status: 422 };
      return words.includes('POISON') ? { kind: 'status' as const, status: 400, code: 'content_filter' } : undefined;
    };
    const [shop, tickets] = await Promise.all([1, 2].map(() => startModelServer({ faults, answer: answerTo })));
    /** One run after the other, so that the later is the newer. */
    const drop = async (name: string, server: typeof shop, dataset: string, file: string, bytes: string) => {
      writeFileSync(join(folder, file), bytes);
      const args = ['run', join(folder, file), '--dataset', dataset, '--batch-size', '10', '--json', '--out', out];
      runs[name] = recordOf(await callProgram(args, { env: endpointEnv(server!) }));
    };
    await drop('shop first', shop, 'shop', 'july.csv', csv(julyFirst));
    const rejected = csv(julyAgain).replace('again 3: the lid was fine', '').replace('again 17: the lid was fine', '  ');
    await drop('shop again', shop, 'shop', 'july.csv', rejected.replace('again 20:', 'again 20,more,:'));
    await drop('shop unusable', shop, 'shop', 'july.csv', '%PDF-1.7 no table');
    await drop('tickets july', tickets, 'tickets', 'july.csv', csv(julyOfOthers));
    await drop('tickets partial', tickets, 'tickets', 'poison.csv', csv(poisoned));
    await drop('tickets halted', tickets, 'tickets', 'poison.csv', csv(reviews('DENIED', 12)));
    await drop('tickets failed', tickets, 'tickets', 'poison.csv', csv(reviews('POISON', 5)));
    shopTokens = shop!.stats();
    shopAnswers = shop!.stats().answers;
    ticketTokens = tickets!.stats();
    await Promise.all([shop!.close(), tickets!.close()]);
  });

  test('the runs end as they were made to', () => {
    expect(Object.values(runs).map(({ status }) => status)).toEqual([
      ...['complete', 'complete', 'rejected', 'complete', 'partial', 'halted', 'failed'],
    ]);
  });

  const usableAgain = julyAgain.filter(({ row_number }) => ![3, 17, 20].includes(Number(row_number)));
  const idsOf = (rows: readonly Row[]) => rows.map(({ id }) => id);

  test('final_table shows the run that is named, also by a pattern, or the newest', async () => {
    expect(await ask(out, 'final_table', String(runs['shop first']!.run_id))).toEqual(withSummaries(julyFirst));
    expect(await ask(out, 'final_table', String(runs['shop again']!.run_id))).toEqual(withSummaries(usableAgain));
    // Newest is what came last, in whatever dataset and with whatever end.
    expect(await ask(out, 'final_table', 'july-%')).toEqual(withSummaries(julyOfOthers));
    expect(await ask(out, 'final_table')).toEqual(reviews('POISON', 5).map(({ id, review }) => ({ id, review, summary: null })));
  });

  test('latest_rows, latest_batches, latest_roots: the newest complete or partial run of each dataset and source_key', async () => {
    const rows = await ask(out, 'latest_rows');
    expect(idsOf(rows)).toEqual(idsOf([...usableAgain, ...julyOfOthers, ...poisoned]));
    const chosen = ['shop again', 'tickets july', 'tickets partial'].map((name) => runs[name]!.run_id);
    expect([...new Set(rows.map(({ run_id }) => run_id))]).toEqual(chosen);
    const batches = onLevel0(await ask(out, 'latest_batches'));
    expect(batches.map(({ run_id, row_count }) => [run_id, row_count])).toEqual(
      [usableAgain, julyOfOthers, poisoned].flatMap((file, index) => chunksOf(file, 10).map(({ length }) => [chosen[index], length])),
    );
    const roots = await ask(out, 'latest_roots');
    expect(
      roots.map(({ dataset, source_key, run_id, status, newest_status }) => [dataset, source_key, run_id, status, newest_status]),
    ).toEqual([
      ['shop', 'shop/july.csv', chosen[0], 'complete', 'rejected'],
      ['tickets', 'tickets/july.csv', chosen[1], 'complete', 'complete'],
      ['tickets', 'tickets/poison.csv', chosen[2], 'partial', 'failed'],
    ]);
    expect(roots.map(({ summary }) => summary)).toEqual(
      ['shop again', 'tickets july', 'tickets partial'].map((name) => runs[name]!.summary),
    );
  });

  test('failures: the run, its batches and its rows by code, with the first of each', async () => {
    const failures = async (name: string) =>
      (await ask(out, 'failures', String(runs[name]!.run_id)))
        .filter(({ level }) => level === 0 || level === null)
        .map(({ what, status, error_code, failures: count, rows_failed, example_number }) =>
          [what, status, error_code, count, rows_failed, example_number].join(' '),
        );
    const shown = await ask(out, 'failures', String(runs['tickets partial']!.run_id));
    expect(await failures('tickets partial')).toEqual([
      'run partial  1 12 ',
      'batch partial content_filter 1 2 1',
      'batch failed http_422 1 10 3',
      'row failed http_422 10 10 30',
      'row failed content_filter 2 2 13',
    ]);
    expect(shown.find(({ what, error_code }) => what === 'row' && error_code === 'content_filter')!.example).toBe(poisoned[13]!.review);
    expect(shown[0]!.example).toBe(runs['tickets partial']!.stop_reason);
    expect(await failures('tickets failed')).toEqual([
      'run failed  1 5 ',
      'batch failed content_filter 1 5 0',
      'row failed content_filter 5 5 0',
    ]);
    expect(await failures('tickets halted')).toEqual(['run halted  1 12 ', 'batch failed halted 2 12 0', 'row failed halted 12 12 0']);
    expect(await failures('shop unusable')).toEqual(['run rejected  1 0 ']);
    expect(await failures('shop again')).toEqual([]);
  });

  test('rejected_reasons: by reason, with the first row as written', async () => {
    const rejected = await ask(out, 'rejected_reasons', String(runs['shop again']!.run_id));
    expect(rejected.map(({ run_id, ...row }) => row)).toEqual([
      { reason: 'empty_text', rejected: 2, first_row_number: 3, first_line: 5, first_raw: 'again-3,' },
      {
        reason: 'too_many_fields',
        rejected: 1,
        first_row_number: 20,
        first_line: 22,
        first_raw: 'again-20,again 20,more,: the lid was fine',
      },
    ]);
  });

  test('cost_by_month: what the endpoint counted, at the price of the model; rows as in the files', async () => {
    const usd = ({ inputTokens, outputTokens }: typeof shopTokens) => (inputTokens * 0.1 + outputTokens * 0.5) / 1e6;
    const month = new Date(String(runs['shop first']!.started_at)).toISOString().slice(0, 7);
    const [shop, tickets, ...more] = await ask(out, 'cost_by_month');
    expect(more).toEqual([]);
    expect(shop).toMatchObject({ dataset: 'shop', month, runs: 3, rows_in: 25 + 32, rows_summarized: 25 + 29, calls: shopAnswers });
    expect(tickets).toMatchObject({ dataset: 'tickets', month, runs: 4, rows_in: 12 + 40 + 12 + 5, rows_summarized: 12 + 28 });
    for (const [row, tokens] of [[shop!, shopTokens] as const, [tickets!, ticketTokens] as const]) {
      expect({ input: row.input_tokens, output: row.output_tokens, withoutPrice: row.runs_without_price }).toEqual({
        input: tokens.inputTokens,
        output: tokens.outputTokens,
        withoutPrice: 0,
      });
      expect(row.cost_usd).toBeCloseTo(usd(tokens), 12);
    }
  });

  test('compact_rows: its rows are those of all visible runs, under their month', async () => {
    const rows = await ask(out, 'compact_rows');
    const files = [julyFirst, usableAgain, julyOfOthers, poisoned, reviews('DENIED', 12), reviews('POISON', 5)];
    expect(idsOf(rows).sort()).toEqual(files.flatMap(idsOf).sort());
    for (const { month, dt } of rows) expect(month).toBe(String(dt).slice(0, 7));
  });

  test('every query answers, also where there is nothing yet', async () => {
    for (const { name } of namedQueries) expect([name, await ask(join(folder, 'nothing'), name)]).toEqual([name, []]);
  });
});
