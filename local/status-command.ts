import { count, counted, dollars, duration, printable } from './figures.ts';
import { type RunDetail, readDetail } from './run-detail.ts';
import { openPlace, type PlaceOptions, type RunPlace } from './run-place.ts';
import { listRuns, MAX_RUNS, namedRuns, type RunState } from './run-states.ts';
import { tableText } from './table-text.ts';

export interface StatusOptions extends PlaceOptions {
  /** Runs to show. */
  limit: number;
  json?: true;
}

/**
 * `hundredfold status`: the runs, the newest first; of one run all that is known of it. @returns the exit code.
 * @throws ConfigError: there is no such run or stack.
 */
export async function statusCommand(name: string | undefined, options: StatusOptions): Promise<number> {
  const place = await openPlace(options);
  const ids = name === undefined ? undefined : await namedRuns(name, place.home, place.words);
  const detail = ids?.length === 1 ? await readDetail(ids[0] as string, place) : undefined;
  if (detail) {
    const lines = options.json ? [JSON.stringify(detail)] : detailLines(detail);
    process.stdout.write(`${lines.join('\n')}\n`);
    return 0;
  }
  await showList(name, place, options);
  return 0;
}

async function showList(prefix: string | undefined, place: RunPlace, { limit, json }: StatusOptions): Promise<void> {
  const { runs, isCut } = await listRuns(place.home, prefix);
  const shown = runs.slice(0, limit).map(({ state }) => state);
  const say = (line: string) => process.stderr.write(`${line}\n`);
  if (json) process.stdout.write(`${JSON.stringify(shown)}\n`);
  else if (shown.length > 0) process.stdout.write(`${listText(shown)}\n`);
  if (runs.length === 0) say(`There are no runs in ${place.words}.`);
  if (runs.length > limit) say(`The newest ${count(limit)} of ${counted(runs.length, 'run')}; --limit N shows more.`);
  if (isCut) say(`There are more than ${count(MAX_RUNS)} runs: only the first of them, by name, were looked at. Name how the run begins.`);
}

const columns = ['run', 'dataset', 'source', 'status', 'attempt', 'progress', 'rows', 'calls', 'cost', 'started', 'age'];

function listText(states: readonly RunState[]): string {
  const rows = states.map((state) => ({
    ...{ run: state.run_id, dataset: state.dataset, source: state.source_key, status: state.status, attempt: state.attempt },
    ...{ progress: progressText(state), rows: numberText(state.rows_in), calls: numberText(state.calls), cost: costText(state) },
    ...{ started: minuteOf(state.started_at), age: ageOf(state.started_at) },
  }));
  return tableText(columns, rows, process.stdout.columns ?? 160);
}

const numberText = (value: number | null) => (value === null ? null : count(value));
/** The cost is known where the calls are; then null stands for a price that is not. */
const costText = ({ calls, cost_usd }: RunState) => (calls === null ? null : dollars(cost_usd));
const minuteOf = (time: string | null) => time && `${time.slice(0, 10)} ${time.slice(11, 16)}`;
const ageOf = (time: string | null) => time && duration((Date.now() - Date.parse(time)) / 1000);

/** `120/250 batches`; with levels above, each behind its number. */
function progressText({ progress, status }: RunState): string | null {
  if (status !== 'running') return null;
  if (!progress) return 'planning';
  const levels = progress.map(({ level, batches_done: done, batches_planned: planned }) => ({
    level,
    text: `${done === null ? 'many' : count(done)}/${count(planned)}`,
  }));
  const [only, ...above] = levels;
  return above.length === 0 ? `${only?.text} batches` : levels.map(({ level, text }) => `level ${level}: ${text}`).join(', ');
}

function detailLines(detail: RunDetail): string[] {
  const { rows_in, rows_summarized, rows_failed, rows_rejected, rows_skipped } = detail;
  const settings = Object.entries(detail.settings).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  const rows = [
    ...(rows_in === null ? [] : [`${count(rows_in)} read`]),
    ...(rows_summarized === null ? [] : [`${count(rows_summarized)} summarized`]),
    ...(rows_failed === null ? [] : [`${count(rows_failed)} ${detail.status === 'halted' ? 'left' : 'failed'}`]),
    ...(rows_rejected === null ? [] : [`${count(rows_rejected)} rejected`]),
    ...(rows_skipped === null || rows_skipped === 0 ? [] : [`${count(rows_skipped)} skipped`]),
  ];
  const fields: [name: string, value: string | null][] = [
    ['dataset', detail.dataset],
    ['source', detail.source_key === null ? null : `${detail.source_key}, version ${detail.source_version ?? '?'}`],
    ['model', detail.model === null ? null : `${detail.model} at ${detail.endpoint ?? '?'}`],
    ['progress', progressText(detail)],
    ['rows', rows.join(', ') || null],
    ['calls', detail.calls === null ? null : `${count(detail.calls)}; ${dollars(detail.cost_usd)}`],
    ['settings', settings.length > 0 ? settings.join(', ') : 'the defaults'],
    ['started', detail.started_at],
    ...detail.notes.map((note): [string, string] => ['note', note]),
  ];
  const attempts = detail.attempts.map(({ attempt, status, accepted_at, closed_at, owner }) =>
    `  ${attempt}  ${status.padEnd(8)}  ${accepted_at ?? '?'}  ${closed_at ?? ''.padEnd(24)}  ${owner ?? ''}`.trimEnd(),
  );
  return [
    `${detail.run_id}: ${detail.status}${detail.stop_reason === null ? '' : ` (${detail.stop_reason})`}`,
    ...fields.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(8)}  ${value}`])),
    'Attempts, from and to:',
    ...attempts,
    detail.next,
  ].map(printable);
}
