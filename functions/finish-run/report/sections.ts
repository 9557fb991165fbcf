import { count, counted, dollars } from '../../shared/figures.ts';
import type { Kind } from '../../shared/report-excerpt.ts';
import { type Html, html } from './html.ts';
import type { ReportContent } from './join-excerpts.ts';

/** A code as words: `empty_text` is `empty text`. */
const wordsOf = (code: string) => code.replaceAll('_', ' ');

const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });

const queryHint = (words: string, sql: string): Html => html`<p class="hint">${words} <code>${sql}</code></p>`;

/** Kinds of trouble, the most frequent first, each with its first examples. */
const kindsTable = (
  caption: string,
  noun: string,
  kinds: readonly Kind[],
): Html => html`<div class="scroll"><table><caption>${caption}</caption>
<thead><tr><th scope="col">reason</th><th scope="col" class="number">${noun}</th><th scope="col">the first of them</th></tr></thead>
<tbody>${kinds.map(
  ({ code, count: number, examples }) => html`<tr><th scope="row">${wordsOf(code)}</th><td class="number">${count(number)}</td>
<td><ul class="examples">${examples.map(({ place, text }) => html`<li><span class="place">${place}</span> ${text !== '' && html`<q dir="auto">${text}</q>`}</li>`)}</ul></td></tr>`,
)}</tbody></table></div>`;

export const rejectedSection = (
  { rejected }: ReportContent,
  conditions: string,
): Html => html`<p>These rows could not be read or had no text. They are in no summary.</p>
${kindsTable('Rejected rows by reason', 'rows', rejected)}
${queryHint('All of them:', `SELECT line, reason, raw FROM rejected_rows WHERE ${conditions} ORDER BY line`)}`;

export const failureSection = ({ failedBatches, failedRows }: ReportContent, conditions: string): Html => html`${
  failedBatches.length > 0 && kindsTable('Batches and folds without a summary, by reason', 'batches', failedBatches)
}${failedRows.length > 0 && kindsTable('Rows that are in no summary, by reason', 'rows', failedRows)}
${queryHint('All of them:', `SELECT row_number, id, error_code, text FROM row_summaries WHERE ${conditions} AND status = 'failed' ORDER BY row_number`)}`;

/** What a group is called; the key of several columns is a JSON array of their values. */
export function groupName(key: string): string {
  if (key === '') return '(no value)';
  if (!key.startsWith('[')) return key;
  try {
    const values = JSON.parse(key) as unknown;
    return Array.isArray(values) && values.every((value) => typeof value === 'string')
      ? values.map((value) => value || '(no value)').join(' · ')
      : key;
  } catch {
    return key;
  }
}

export function groupSection({ groups, groupCount }: ReportContent, conditions: string): Html {
  const intro =
    groups.length < groupCount
      ? `The largest ${count(groups.length)} of ${counted(groupCount, 'group')}; the search below finds others by their name.`
      : `${counted(groupCount, 'group')}, the largest first.`;
  return html`<p>${intro}</p>
<ul class="groups">${groups.map(
    ({
      key,
      rows,
      failed,
      cost,
      summary,
    }) => html`<li><details><summary><span class="label" dir="auto">${groupName(key)}</span> <span class="meta">${counted(rows, 'row')}${
      failed !== null && failed > 0 && `, ${count(failed)} failed`
    }${cost !== null && cost > 0 && ` · ${dollars(cost)}`}</span><span class="preview" dir="auto">${summary ?? 'no summary'}</span></summary>
<p class="text" dir="auto">${summary ?? 'This group has no summary.'}</p></details></li>`,
  )}</ul>
${groups.length < groupCount && queryHint('All of them:', `SELECT group_key, row_count, summary FROM group_summaries WHERE ${conditions} ORDER BY row_count DESC`)}`;
}

export function themeSection({ themes, quotes }: ReportContent): Html {
  const most = Math.max(...themes.map(({ rows }) => rows), 1);
  return html`<p>What the rows speak of. A row is counted once for a theme, and only where the text of that row bears it out.</p>
<ul class="themes">${themes.map(({ theme, rows, share, positive, negative }) => {
    const some = quotes[theme] ?? [];
    return html`<li><details><summary><span class="label" dir="auto">${theme}</span> <span class="meta">${counted(rows, 'row')}, ${percent.format(share)} · ${count(positive)} positive, ${count(negative)} negative</span>
<svg class="share" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="ground" width="100" height="4"/><rect class="bar series-0" width="${((rows / most) * 100).toFixed(1)}" height="4"/></svg></summary>
${
  some.length > 0
    ? html`<ul class="quotes">${some.map(({ row, sentiment, statement, quote }) => html`<li><q dir="auto">${quote}</q> <span class="place">row ${row}, ${sentiment}: <span dir="auto">${statement}</span></span></li>`)}</ul>`
    : html`<p class="place">No words were quoted.</p>`
}</details></li>`;
  })}</ul>`;
}
