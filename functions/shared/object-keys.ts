/** Every object key, once. Numbers are padded so that key order is number order. */

const padded = (value: number) => String(value).padStart(6, '0');

export const SETTINGS_FILE = '_hundredfold.json';
export const SUCCESS_FILE = '_SUCCESS';

/** Folder of a dataset that holds its digests: uploads whose rows are the summaries of its other uploads. */
export const DIGEST_FOLDER = '_digest';
/** @param since YYYY-MM-DD, null where all uploads are meant. */
export const digestKey = (dataset: string, since: string | null) =>
  `${dataset}/${DIGEST_FOLDER}/digest-of-${dataset}${since === null ? '' : `-since-${since}`}.jsonl`;

/** @returns the first folder of an uploaded key, `default` at the root. */
export const datasetOf = (key: string) => {
  const slash = key.indexOf('/');
  return slash > 0 ? key.slice(0, slash) : 'default';
};

export const settingsKeyOf = (key: string) => {
  const slash = key.indexOf('/');
  return slash > 0 ? `${key.slice(0, slash)}/${SETTINGS_FILE}` : SETTINGS_FILE;
};

/** Everything of all runs. */
export const RUNS_PREFIX = 'runs/';
export const runPrefix = (runId: string) => `${RUNS_PREFIX}${runId}/`;
export const attemptPrefix = (runId: string) => `${runPrefix(runId)}attempts/`;
export const attemptKey = (runId: string, attempt: number) => `${attemptPrefix(runId)}${attempt}.json`;
export const attemptClosedKey = (runId: string, attempt: number) => `${attemptPrefix(runId)}${attempt}.closed.json`;
/** The part files of an upload that is a folder, one a line, in key order. */
export const sourcePartsKey = (runId: string) => `${runPrefix(runId)}source.jsonl`;
/** How the attempt came to its end, fixed by whoever finishes it first. */
export const attemptEndingKey = (runId: string, attempt: number) => `${attemptPrefix(runId)}${attempt}.ending.json`;
/** The detail of an event that an attempt ended with, as its first delivery said it. */
export const eventKey = (runId: string, eventId: string) => `${runPrefix(runId)}events/${eventId}.json`;
/** Why the upload was refused, in words for its owner. */
export const refusalKey = (runId: string) => `${runPrefix(runId)}refusal.json`;
/** The run's row of the table `runs`, as JSON. */
export const runRecordKey = (runId: string) => `${runPrefix(runId)}run.json`;
/** Says that the run is being forgotten, and where its words lie; the last object of it that goes. */
export const forgettingKey = (runId: string) => `${runPrefix(runId)}forgetting.json`;
export const planKey = (runId: string) => `${runPrefix(runId)}plan.json`;
export const partsKey = (runId: string) => `${runPrefix(runId)}parts.jsonl`;

export const readableCopiesPrefix = (runId: string) => `${runPrefix(runId)}readable/`;
/** The decompressed UTF-8 copy of a file of the upload; 0 where the upload is one file. */
export const readableCopyKey = (runId: string, file: number) => `${readableCopiesPrefix(runId)}${padded(file)}`;

const levelPrefix = (runId: string, level: number) => `${runPrefix(runId)}level-${level}/`;
export const manifestKey = (runId: string, level: number) => `${levelPrefix(runId, level)}batches.jsonl`;
/** Every place of a level above 0, one a line: its folds, and what is passed up. A fold of the level above is a range of bytes of this. */
const placesKey = (runId: string, level: number) => `${levelPrefix(runId, level)}places.jsonl`;
/** What the folds of the level above are ranges of: at level 0 the manifest itself. */
export const foldablesKey = (runId: string, level: number) => (level === 0 ? manifestKey(runId, 0) : placesKey(runId, level));
export const outcomePrefix = (runId: string, level: number) => `${levelPrefix(runId, level)}outcomes/`;
export const outcomeKey = (runId: string, level: number, batchId: number) => `${outcomePrefix(runId, level)}${batchId}.json`;
/** What the batches of a part came to, for the tables of an attempt's levels: only of a run with groups or themes. */
export const partSumsKey = (runId: string, attempt: number, part: number) =>
  `${levelPrefix(runId, 0)}sums/${attempt}/${padded(part)}.jsonl`;
/** Marks of calls that ended without an answer, which the endpoint may have billed all the same. */
export const unansweredPrefix = (runId: string) => `${runPrefix(runId)}unanswered/`;
export const unansweredKey = (runId: string, attempt: number, level: number, batchId: number, tries: number, endedAt: number) =>
  `${unansweredPrefix(runId)}${attempt}-${level}-${batchId}-${tries}-${endedAt}`;
export const childResultsPrefix = (runId: string, state: string) => `${runPrefix(runId)}children/${state}`;

/** Staged rows, with what was kept beside them while planning. */
export const partsPrefix = (runId: string) => `${levelPrefix(runId, 0)}parts/`;
export const partKey = (runId: string, part: number) => `${partsPrefix(runId)}${padded(part)}.jsonl`;
export const partManifestKey = (runId: string, part: number) => `${levelPrefix(runId, 0)}parts/${padded(part)}.batches.jsonl`;
/** The part's lines of the manifest while nobody knows yet which folds their summaries go into. */
export const stagedManifestKey = (runId: string, part: number) => `${levelPrefix(runId, 0)}parts/${padded(part)}.staged-batches.jsonl`;
/** Of a grouped run: the groups that end in the part, without their roots. */
export const partGroupsKey = (runId: string, part: number) => `${levelPrefix(runId, 0)}parts/${padded(part)}.groups.jsonl`;
/** Of a grouped run: all groups that are summarized, in the order of their batches. */
export const groupsKey = (runId: string) => `${runPrefix(runId)}groups.jsonl`;
/** Of a grouped run: rows of the part that are in no batch, since their groups are too small. */
export const skippedKey = (runId: string, part: number) => `${levelPrefix(runId, 0)}parts/${padded(part)}.skipped.jsonl`;
/** Rows of one stretch of the upload, sorted by group. */
export const sortedRunKey = (runId: string, sortedRun: number) => `${runPrefix(runId)}sorted/${padded(sortedRun)}`;
/** Where the grouping of the rows stood after a step: sums so far, and where the next step goes on. */
export const groupingStateKey = (runId: string, step: number) => `${runPrefix(runId)}sorted/${padded(step)}.json`;
/** Where planning stood when the part was complete: sums so far and the position of the next record. */
export const partStateKey = (runId: string, part: number) => `${levelPrefix(runId, 0)}parts/${padded(part)}.json`;
/** Hashes of the ids that first occur in the part, eight bytes each. */
export const partIdsKey = (runId: string, part: number) => `${levelPrefix(runId, 0)}parts/${padded(part)}.ids`;
export const rejectedKey = (runId: string, part: number) => `${runPrefix(runId)}rejected/${padded(part)}.jsonl`;

export const receiptKey = (runId: string, part: string) => `${runPrefix(runId)}receipts/${part}.json`;
export const stagedTablesPrefix = (runId: string) => `${runPrefix(runId)}tables/`;
export const stagedTableKey = (runId: string, table: string, part: string) => `${stagedTablesPrefix(runId)}${table}/${part}.parquet`;

/** What the report takes from one part. */
export const excerptKey = (runId: string, part: string) => `${runPrefix(runId)}excerpts/${part}.json`;

/** Name of a part in table files and receipts. */
export const partName = padded;
/** The part that holds the levels above 0. */
export const LEVELS_PART = 'levels';

/** What the run's reports begin with, in the results bucket. */
export const reportPrefix = (runId: string) => `reports/${runId}.`;
/** The page that shows a run. */
export const reportKey = (runId: string) => `${reportPrefix(runId)}html`;
/** Where Athena puts what queries return. */
export const QUERY_RESULTS_PREFIX = 'athena/';

export const tablePrefix = (table: string) => `tables/${table}/`;
/** Everything that one run has in one table, whatever the part. */
export const runTablePrefix = (table: string, date: string, runId: string) => `${tablePrefix(table)}dt=${date}/${runId}-`;
export const tableKey = (table: string, date: string, runId: string, part: string) =>
  `${runTablePrefix(table, date, runId)}${part}.parquet`;

/** A paid answer, found again by whoever asks the same of the same endpoint. `hash` is 64 hexadecimal digits. */
export const contentPrefix = (dataset: string) => `summaries/${dataset}/`;
export const contentKey = (dataset: string, hash: string) => `${contentPrefix(dataset)}${hash.slice(0, 2)}/${hash}.json`;
