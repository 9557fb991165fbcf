import { expect, test } from '@jest/globals';
import { excerptKey, partName, reportKey } from '../../../functions/shared/object-keys.ts';
import { RUN_ID, sampleRun } from '../../fakes/sample-run.ts';
import { openBench, RUNS_KEY } from './finish-bench.ts';

const REPORT_KEY = reportKey(RUN_ID);
const notesOf = (bench: Awaited<ReturnType<typeof openBench>>) => JSON.parse(String(bench.record().notes)) as string[];

test('a run ends with its report, which is the same for the same tables', async () => {
  const [one, other] = [await openBench(), await openBench()];
  for (const bench of [one, other]) {
    await bench.write();
    await bench.finish();
  }
  expect(one.results.text(REPORT_KEY)).toContain('the customer said');
  expect(one.results.text(REPORT_KEY)).toBe(other.results.text(REPORT_KEY));
  expect(notesOf(one)).toEqual(['A note.']);
  expect(one.log.lines).toEqual([]);
});

test('a report that cannot be written is a note of a run that is complete, and none of an earlier attempt stays', async () => {
  const bench = await openBench();
  bench.results.seed(REPORT_KEY, 'of an earlier attempt');
  await bench.write();
  bench.results.crashBefore(/reports/, { operation: 'put' });
  expect(await bench.finish()).toMatchObject({ status: 'complete' });
  expect(bench.results.keys()).toContain(RUNS_KEY);
  expect(bench.results.keys()).not.toContain(REPORT_KEY);
  expect(notesOf(bench)).toEqual(['A note.', expect.stringContaining('report of this run could not be written')]);
  expect(bench.log.lines).toEqual([expect.objectContaining({ message: 'report not written', fields: { error: 'CrashError' } })]);
});

test.each([
  ['is missing', undefined],
  ['is broken', 'no JSON'],
  ['is of an earlier attempt', '{"attempt":1}'],
])('no report is made where the excerpt of a part %s', async (_, excerpt) => {
  const bench = await openBench({ run: sampleRun({ attempt: 2, settings: { batchRows: 1 } }) });
  await bench.write();
  const key = excerptKey(RUN_ID, partName(0));
  if (excerpt === undefined) await bench.work.delete([key]);
  else if (excerpt.startsWith('{')) bench.work.seed(key, JSON.stringify({ ...bench.work.json<object>(key), ...JSON.parse(excerpt) }));
  else bench.work.seed(key, excerpt);
  expect(await bench.finish()).toMatchObject({ status: 'complete' });
  expect(bench.results.keys()).not.toContain(REPORT_KEY);
  expect(notesOf(bench)).toHaveLength(2);
});

test('an attempt that comes to nothing leaves the report of the tables that stay', async () => {
  const bench = await openBench();
  await bench.write();
  await bench.finish();
  const report = bench.results.text(REPORT_KEY);
  await bench.finish({ attempt: 2, failure: 'ModelUnavailableError' });
  expect(bench.results.text(REPORT_KEY)).toBe(report);
});

test('a run that shows no tables has a report that says why, and shows no summary', async () => {
  const bench = await openBench();
  await bench.finish({ failure: 'ModelUnavailableError' });
  const report = bench.results.text(REPORT_KEY);
  expect(report).toContain('The workflow ended early: ModelUnavailableError');
  expect(report).not.toContain('the customer said');
});

test('a redrive writes it anew', async () => {
  const bench = await openBench({ fates: ['ok', 'empty', 'ok', 'ok'] });
  await bench.write();
  await bench.finish();
  expect(bench.results.text(REPORT_KEY)).toContain('status-partial');
  bench.summarize(['ok', 'ok', 'ok', 'ok'], 2);
  await bench.write(2);
  await bench.finish({ attempt: 2 });
  expect(bench.results.text(REPORT_KEY)).not.toContain('status-partial">');
  expect(bench.results.text(REPORT_KEY)).toContain('status-complete">');
});
