import type { Run } from '../shared/contract.ts';
import type { Log, ObjectStore } from '../shared/ports.ts';
import type { Receipt } from '../shared/receipt.ts';
import type { TableRow } from '../shared/tables.ts';
import type { RunRecord } from './report/report-page.ts';
import { writeReport } from './report/write-report.ts';
import { recordJson } from './run-record.ts';

const NO_REPORT = 'The report of this run could not be written; `hundredfold report` makes it from what the run has left.';

/** Writes the run's report. @returns what is to be noted: nothing, or that there is none. A run does not fail for want of its report. */
export async function reportNotes(
  run: Run,
  record: TableRow,
  receipts: readonly Pick<Receipt, 'part'>[],
  ports: { work: ObjectStore; results: ObjectStore; log: Log },
): Promise<string[]> {
  try {
    const parts = receipts.map(({ part }) => part);
    await writeReport(JSON.parse(recordJson(record)) as RunRecord, { parts, isOfTables: (attempt) => attempt === run.attempt }, ports);
    return [];
  } catch (error) {
    ports.log.warn('report not written', { error: error instanceof Error ? error.name : 'unknown' });
    return [NO_REPORT];
  }
}
