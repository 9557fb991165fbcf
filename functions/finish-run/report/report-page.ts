import { count, counted, dollars, duration } from '../../shared/figures.ts';
import { OFFLINE_MODEL } from '../../shared/model-catalog.ts';
import { settingDefinitions } from '../../shared/setting-definitions.ts';
import { embeddedJson, type Html, html } from './html.ts';
import type { ReportContent } from './join-excerpts.ts';
import { framedPage, type PageAssets, type Section } from './page-frame.ts';
import { failureSection, groupSection, rejectedSection, themeSection } from './sections.ts';
import { usageCharts } from './usage-charts.ts';

/** A row of `runs` as JSON has it. */
export type RunRecord = Readonly<Record<string, string | number | boolean | null>>;

/** The whole report as a page that needs nothing else. The same record and content give the same page. */
export function reportPage(record: RunRecord, content: ReportContent, assets: Required<PageAssets>): string {
  const source = String(record.source_key);
  return framedPage(
    {
      title: `${source}: ${count(numberOf(record, 'rows_summarized'))} rows summarized`,
      kind: 'Summary report',
      heading: source,
      skip: { id: 'summary', words: 'Skip to the summary' },
      facts: html`<span class="status status-${record.status}">${record.status}</span> <span>dataset ${record.dataset}</span> <span>${modelOf(record)}</span> <span>finished ${minuteOf(record.finished_at)}</span>`,
      sections: sectionsOf(record, content),
      footer: html`Run <code>${record.run_id}</code>. This page holds what its tables hold, needs no network and sends nothing.`,
      data: html`<script type="application/json" id="report-data">${embeddedJson({ batches: content.batches, conditions: conditionsOf(record) })}</script>
`,
    },
    assets,
  );
}

function sectionsOf(record: RunRecord, content: ReportContent): Section[] {
  const sections: (Section | undefined)[] = [
    { id: 'summary', link: 'Summary', title: summaryTitle(record, content), body: summaryBody(record) },
    content.themes.length > 0 ? { id: 'themes', link: 'Themes', title: 'Themes', body: themeSection(content) } : undefined,
    content.groupCount > 0
      ? { id: 'groups', link: 'Groups', title: 'Groups', body: groupSection(content, conditionsOf(record)) }
      : undefined,
    content.batches.length > 0
      ? { id: 'explore', link: 'Down to the rows', title: 'From the summary to the rows', body: exploreBody(record, content) }
      : undefined,
    content.rejected.length > 0
      ? { id: 'rejected', link: 'Rejected', title: 'Rejected rows', body: rejectedSection(content, conditionsOf(record)) }
      : undefined,
    content.failedBatches.length + content.failedRows.length > 0
      ? { id: 'failed', link: 'Failed', title: 'What failed', body: failureSection(content, conditionsOf(record)) }
      : undefined,
    content.levels.length > 0
      ? { id: 'usage', link: 'Cost and time', title: 'Cost, tokens and time', body: usageBody(content) }
      : undefined,
    { id: 'settings', link: 'Settings', title: 'Settings', body: settingsBody(record) },
  ];
  return sections.filter((section) => section !== undefined);
}

const numberOf = (record: RunRecord, name: string) => Number(record[name] ?? 0);
const minuteOf = (time: string | number | boolean | null | undefined) => `${String(time).slice(0, 16).replace('T', ' ')} UTC`;
const modelOf = ({ model }: RunRecord) => (model === OFFLINE_MODEL ? 'offline extract, no language model' : `model ${model}`);

/** What names this run in SQL. */
const conditionsOf = (record: RunRecord) =>
  `run_id = '${String(record.run_id).replaceAll("'", "''")}' AND dt = '${String(record.started_at).slice(0, 10)}'`;

function summaryTitle(record: RunRecord, { batches }: ReportContent): string {
  if (record.summary === null) return 'Summary';
  const rows = numberOf(record, 'rows_summarized') + numberOf(record, 'rows_failed');
  const missing = batches.findLast(({ parent, summary }) => parent === null && summary !== null)?.failed ?? 0;
  return missing === 0 ? `Summary of all ${counted(rows, 'row')}` : `Summary of ${count(rows - missing)} of ${counted(rows, 'row')}`;
}

function summaryBody(record: RunRecord): Html {
  const seconds = (Date.parse(String(record.finished_at)) - Date.parse(String(record.started_at))) / 1000;
  const optional = (name: string, words: string) => (numberOf(record, name) > 0 ? [[words, count(numberOf(record, name))] as const] : []);
  const left = record.status === 'halted' ? 'left for the next attempt' : 'failed';
  const figures = [
    ['rows read', count(numberOf(record, 'rows_in'))],
    ['summarized', count(numberOf(record, 'rows_summarized'))],
    ...optional('rows_failed', left),
    ...optional('rows_rejected', 'rejected'),
    ...optional('rows_skipped', 'left out, of small groups'),
    ['batches', count(numberOf(record, 'batches'))],
    ...optional('batches_failed', `batches ${left}`),
    ['calls paid for', count(numberOf(record, 'calls'))],
    ['tokens in', count(numberOf(record, 'input_tokens'))],
    ['tokens out', count(numberOf(record, 'output_tokens'))],
    ['cost', dollars(record.cost_usd === null ? null : numberOf(record, 'cost_usd'))],
    ['duration', duration(seconds)],
  ] as const;
  const notes = JSON.parse(String(record.notes ?? '[]')) as string[];
  const offline = record.model === OFFLINE_MODEL && record.summary !== null;
  return html`${
    record.summary === null ? html`<p class="none">${whyNoRoot(record)}</p>` : html`<p class="root" dir="auto">${record.summary}</p>`
  }${offline && html`<p class="notice">These sentences were extracted on the machine of the run. No language model wrote them.</p>`}
${record.stop_reason !== null && html`<p class="notice" dir="auto"><strong>${record.status}</strong> ${record.stop_reason}</p>`}
<dl class="tiles">${figures.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
${notes.length > 0 && html`<ul class="notes" aria-label="Notes">${notes.map((note) => html`<li dir="auto">${note}</li>`)}</ul>`}`;
}

function whyNoRoot(record: RunRecord): string {
  if (numberOf(record, 'rows_summarized') === 0) return 'No row has a summary.';
  const { rollUp } = JSON.parse(String(record.settings)) as { rollUp?: boolean };
  return rollUp === false
    ? 'This run was not rolled up to one paragraph; its batch summaries stand below.'
    : 'The summaries did not come to be folded into one paragraph; what there is stands below.';
}

function exploreBody(record: RunRecord, { batches }: ReportContent): Html {
  const rows = batches.reduce((sum, { texts }) => sum + (texts?.length ?? 0), 0);
  const staged = numberOf(record, 'rows_summarized') + numberOf(record, 'rows_failed');
  const shown = batches.filter(({ level }) => level === 0).length;
  const planned = numberOf(record, 'batches');
  const held = [
    shown < planned ? `the first ${count(shown)} of ${counted(planned, 'batch')}` : `all ${counted(planned, 'batch')}`,
    rows < staged ? `${count(rows)} of ${counted(staged, 'row')}` : `all ${counted(staged, 'row')}`,
  ].join(' and ');
  return html`<p>Each summary opens to what it was made of, down to the rows. This page holds ${held}${
    (rows < staged || shown < planned) && '; where something is left out, the query that shows it stands in its place'
  }.</p>
<form role="search" id="search"><label for="query">Search summaries and rows</label><input type="search" id="query" autocomplete="off" spellcheck="false"></form>
<p id="found" role="status"></p>
<ol id="results" class="results"></ol>
<div id="tree"></div>
<noscript><p class="notice">The tree and the search need the script of this page, which is switched off here.</p></noscript>`;
}

function usageBody(content: ReportContent): Html {
  const levels = content.levels.map(
    (level, number) => html`<tr><th scope="row">${number === 0 ? 'batches of rows' : `level ${number}`}</th>
<td class="number">${count(level.batches)}</td><td class="number">${count(level.failed)}</td><td class="number">${count(level.fromCache)}</td>
<td class="number">${count(level.inputTokens)}</td><td class="number">${count(level.outputTokens)}</td><td class="number">${dollars(level.costUsd)}</td></tr>`,
  );
  return html`${usageCharts(content)}
<p>An answer that another run had paid for is used again and costs nothing.</p>
<div class="scroll" tabindex="0" role="region" aria-label="What this run paid for, by level"><table><caption>What this run paid for, by level</caption>
<thead><tr><th scope="col">level</th><th scope="col" class="number">summaries</th><th scope="col" class="number">failed</th><th scope="col" class="number">paid by other runs</th><th scope="col" class="number">tokens in</th><th scope="col" class="number">tokens out</th><th scope="col" class="number">cost</th></tr></thead>
<tbody>${levels}</tbody></table></div>`;
}

function settingsBody(record: RunRecord): Html {
  const settings = JSON.parse(String(record.settings)) as Record<string, unknown>;
  const rows = Object.entries(settings).map(([name, value]) => {
    const definition = (settingDefinitions as Record<string, { default: unknown; description: string } | undefined>)[name];
    return {
      name,
      value,
      isChanged: definition !== undefined && String(definition.default) !== String(value),
      description: definition?.description,
    };
  });
  const tableOf = (caption: string, some: typeof rows) => html`<div class="scroll"><table class="settings"><caption>${caption}</caption>
<thead><tr><th scope="col">setting</th><th scope="col">value</th><th scope="col">meaning</th></tr></thead>
<tbody>${some.map(({ name, value, description }) => html`<tr><th scope="row"><code>${name}</code></th><td dir="auto">${value === null ? 'not set' : String(value)}</td><td>${description}</td></tr>`)}</tbody></table></div>`;
  const [changed, kept] = [rows.filter(({ isChanged }) => isChanged), rows.filter(({ isChanged }) => !isChanged)];
  return html`<p>Asked: ${modelOf(record)}. Version of the source: <code class="long">${record.source_version}</code>${
    record.row_limit !== null && `, its first ${counted(numberOf(record, 'row_limit'), 'row')}`
  }.</p>
${changed.length > 0 ? tableOf('Set for this run', changed) : html`<p>All settings are the defaults.</p>`}
<details class="more"><summary>${changed.length > 0 ? 'The other settings, as they are by default' : 'The defaults'}</summary>${tableOf('Defaults', kept)}</details>`;
}
