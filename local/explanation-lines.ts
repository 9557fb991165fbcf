import { OFFLINE_MODEL } from '../functions/shared/model-catalog.ts';
import { kebabCase } from '../functions/shared/settings.ts';
import type { Explanation, Place } from './explanation.ts';
import { byteSize, count, counted, dollars } from './figures.ts';
import { COLUMNS, clipped, wrapped } from './terminal-text.ts';

const LABEL_CHARACTERS = 13;
/** Column names and the like that are listed before the rest is only counted. */
const LISTED = 12;

const encodings: Record<Explanation['encoding'], string> = {
  'utf-8': 'UTF-8',
  'utf-16le': 'UTF-16 LE',
  'utf-16be': 'UTF-16 BE',
  'windows-1252': 'Windows-1252',
};
const formats: Record<Explanation['format'], string> = {
  csv: 'CSV',
  jsonl: 'JSON Lines',
  json: 'JSON',
  parquet: 'Parquet',
  text: 'text, one row a line',
};
const delimiters: Record<string, string> = { ',': 'commas', ';': 'semicolons', '\t': 'tabs', '|': 'vertical bars' };
const reasons = { setting: 'named by a setting', name: 'found by its name', looks: 'the only one that reads like prose' };

const labelled = (label: string, text: string): string[] =>
  wrapped(text, COLUMNS - LABEL_CHARACTERS).map((line, index) => (index === 0 ? label : '').padEnd(LABEL_CHARACTERS) + line);

function listed(names: readonly string[]): string {
  const more = names.length - LISTED;
  return `${names.slice(0, LISTED).join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`;
}

const placesOf = (first: readonly Place[]) =>
  first.map(({ part, line }) => `${part === undefined ? '' : `${part} `}line ${count(line)}`).join(', ');

function formatLine({ format, delimiter, encoding, compression }: Explanation): string {
  const fields = delimiter === null ? [] : [`fields separated by ${delimiters[delimiter]}`];
  const packed = compression === null ? [] : [`compressed with ${compression}`];
  const characters = format === 'parquet' ? [] : [encodings[encoding]];
  return [formats[format], ...fields, ...characters, ...packed].join(', ');
}

function rowLines({ first_rows: rows }: Explanation): string[] {
  return rows.flatMap(({ id, text, attributes }) => [
    `  ${clipped(`${id}: ${text}`, COLUMNS - 2)}`,
    ...(attributes.length > 0 ? [clipped(`with ${listed(attributes)}`, COLUMNS - 4)].map((line) => `    ${line}`) : []),
  ]);
}

function costLine({ model, estimated_cost_usd: cost, max_cost_usd: cap }: Explanation, isOffline: boolean): string {
  if (isOffline) return `none: ${OFFLINE_MODEL}, no language model`;
  if (cost === null) return `unknown: no price is known for ${model}`;
  const warning = cap !== null && cost > cap ? `; more than the cap of ${dollars(cap)}: the run may halt` : '';
  return `at most ${dollars(cost)} with ${model}${warning}`;
}

function groupLines({ groups }: Explanation): string[] {
  if (groups === null) return [];
  const { columns, count: number, smallest, median, largest, skipped } = groups;
  const named = columns.map((column) => `"${column}"`).join(', ');
  const sizes = number === 1 ? counted(largest, 'row') : `${count(smallest)} to ${counted(largest, 'row')}, median ${count(median)}`;
  const left = skipped > 0 ? `; ${count(skipped)} smaller left out` : '';
  return labelled('groups', `${count(number)} of ${named}: ${sizes}${left}`);
}

/** What would happen, for people: lines of at most 80 places. */
export function explanationLines(explanation: Explanation, isOffline: boolean): string[] {
  const { text_column: text, id_column: id, settings } = explanation;
  const others = explanation.columns.filter((column) => column !== text && column !== id);
  const parts = explanation.parts === null ? '' : `, ${counted(explanation.parts, 'part file')}`;
  const changed = Object.entries(settings).map(
    ([name, value]) => `--${kebabCase(name)} ${Array.isArray(value) ? value.join(',') : JSON.stringify(value)}`,
  );
  const { rows_in: rowsIn, rows_staged: staged, rows_rejected: rejected, rows_truncated: truncated } = explanation;
  const { rows_skipped: skipped } = explanation;
  const leftOut = skipped > 0 ? `, ${count(skipped)} skipped` : '';
  const shortened = truncated > 0 ? `, ${count(truncated)} of them cut` : '';
  const { paragraph_calls: paragraphs, fold_calls: folds, name_calls: names } = explanation;
  const shares = [
    ...(paragraphs > 0 ? [`${count(paragraphs)} of them to make a paragraph of each batch's rows`] : []),
    ...(folds > 0 ? [`${count(folds)} ${paragraphs > 0 ? '' : 'of them '}to fold the summaries`] : []),
    ...(names > 0 ? [`at most ${count(names)} to name their themes`] : []),
  ];
  const limited = explanation.limit === rowsIn ? ' (the limit)' : '';
  return [
    ...wrapped(`${explanation.source_key} (${byteSize(explanation.bytes)}${parts})`, COLUMNS),
    '',
    ...labelled('format', formatLine(explanation)),
    ...labelled('text', `"${text}", ${reasons[explanation.text_column_by]}`),
    ...labelled('id', id === null ? 'the row number, counted from 1' : `"${id}", ${reasons[explanation.id_column_by ?? 'name']}`),
    ...labelled('attributes', others.length === 0 ? 'none: there are no other columns' : listed(others)),
    '',
    'First rows as read (id, text):',
    ...rowLines(explanation),
    '',
    ...labelled(
      'rows',
      `${count(rowsIn)} read${limited}, ${count(staged)} to summarize${shortened}, ${count(rejected)} rejected${leftOut}`,
    ),
    ...explanation.rejections.flatMap(({ reason, rows, first }, index) =>
      labelled(index === 0 ? 'rejected' : '', `${count(rows)} ${reason}: ${placesOf(first)}${rows > first.length ? ' ...' : ''}`),
    ),
    ...groupLines(explanation),
    ...labelled(
      'batches',
      `${counted(explanation.batches, 'batch')} of up to ${count(explanation.batch_rows)} rows; ${[counted(explanation.calls, 'call'), ...shares].join(', ')}`,
    ),
    ...labelled('tokens', `at most ${count(explanation.input_tokens)} in, ${count(explanation.output_tokens)} out`),
    ...labelled('cost', costLine(explanation, isOffline)),
    ...labelled('settings', changed.length === 0 ? 'all as by default' : changed.join(' ')),
    ...explanation.notes.flatMap((note, index) => labelled(index === 0 ? 'notes' : '', note)),
    '',
    'No call was made, and nothing was written.',
  ];
}
