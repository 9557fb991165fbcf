import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Chart, chartFigure } from '../../functions/finish-run/report/charts.ts';
import { type Html, html } from '../../functions/finish-run/report/html.ts';
import { framedPage, type PageAssets, type Section } from '../../functions/finish-run/report/page-frame.ts';
import { groupName } from '../../functions/finish-run/report/sections.ts';
import { readAssets } from '../../functions/finish-run/report/write-report.ts';
import { reportKey } from '../../functions/shared/object-keys.ts';
import { changedSettings, kebabCase, type Settings } from '../../functions/shared/settings.ts';
import { count, counted, dollars, duration, shortCount } from '../figures.ts';
import { alignedStretches, type Stretch } from './alignment.ts';
import type { ComparedBatch, ComparedWay, Comparison } from './comparison.ts';
import { figuresOf, isProjected, rootText, sampleWords } from './comparison-lines.ts';
import { isWhole } from './findings.ts';
import { comparedNames } from './ways.ts';

/** Summaries of batches that the page holds; each way's own report holds all of it. */
const SHOWN_SUMMARIES = 4_000;
/** Stretches that are open at first: the others open one by one. */
const OPEN_STRETCHES = 1;
/** Ways that the sentence on a chart names; of more, the least and the most. */
const TOLD_WAYS = 4;
/** Longest name below a bar. */
const LABEL_CHARACTERS = 16;

/** Writes the page of a comparison below `out`, over the one before. @returns its path. */
export async function writeComparisonPage(comparison: Comparison, settings: Settings | undefined, out: string): Promise<string> {
  const path = join(out, `${comparison.name}.html`);
  const part = `${path}.${process.pid}.part`;
  const page = comparisonPage(comparison, settings, await pageAssets());
  await mkdir(out, { recursive: true });
  try {
    await writeFile(part, page);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  return path;
}

/** The report's style, and what is added to it here; no script. */
export async function pageAssets(): Promise<PageAssets> {
  const [{ style }, own] = await Promise.all([readAssets(), readFile(new URL('compare.css', import.meta.url), 'utf8')]);
  return { style: style + own };
}

/** The whole comparison as a page that needs nothing else. */
export function comparisonPage(comparison: Comparison, settings: Settings | undefined, assets: PageAssets): string {
  const { source_key: source, ways } = comparison;
  return framedPage(
    {
      title: `${source}: ${ways.length} ways compared`,
      kind: 'Comparison',
      heading: source,
      skip: { id: 'figures', words: 'Skip to the figures' },
      facts: html`<span>${sampleWords(comparison)}</span> ${factsOf(comparison).map((fact) => html`<span>${fact}</span> `)}`,
      sections: sectionsOf(comparison, settings),
      footer: html`This page holds words of the rows, needs no network and sends nothing. What was answered is kept beside it: the same comparison again costs nothing.`,
    },
    assets,
  );
}

/** What all ways have in common. */
function factsOf({ ways, varied, is_offline: isOffline }: Comparison): string[] {
  const [first] = ways;
  return [
    `${counted(ways.length, 'way')}`,
    ...(isOffline ? ['offline extract, no language model'] : varied.includes('model') || !first ? [] : [`model ${first.model}`]),
    ...(varied.includes('batch_rows') || !first ? [] : [`up to ${counted(first.batch_rows, 'row')} a call`]),
  ];
}

function sectionsOf(comparison: Comparison, settings: Settings | undefined): Section[] {
  const sections: (Section | undefined)[] = [
    { id: 'figures', link: 'Figures', title: 'What each way took', body: figuresBody(comparison) },
    { id: 'summaries', link: 'Summaries', title: 'The summaries of all rows of the sample', body: rootsBody(comparison) },
    comparison.ways.some(({ level0 }) => level0.length > 0)
      ? { id: 'batches', link: 'Row by row', title: 'The same rows, side by side', body: batchesBody(comparison) }
      : undefined,
    settings && { id: 'settings', link: 'Settings', title: 'Settings of all ways', body: settingsBody(settings) },
  ];
  return sections.filter((section) => section !== undefined);
}

/** Whether names are too long for a chart, which then has the numbers of the ways. */
const isNumbered = (ways: readonly ComparedWay[]) => ways.some(({ name }) => name.length > LABEL_CHARACTERS);

function figuresBody(comparison: Comparison): Html {
  const { ways, varied, findings, warnings, sample } = comparison;
  const figures = figuresOf(comparison);
  const [heads, rows] = [figures.slice(0, varied.length), figures.slice(varied.length)];
  const cells = (values: readonly string[], tag: 'th' | 'td') =>
    values.map((value) => (tag === 'th' ? html`<th scope="col" class="number">${value}</th>` : html`<td class="number">${value}</td>`));
  const instructions = [...new Set(ways.map(({ instruction }) => instruction))];
  return html`${
    findings.length + warnings.length > 0 &&
    html`<ul class="findings">${findings.map((words) => html`<li>${words}</li>`)}${warnings.map((words) => html`<li class="note">${words}</li>`)}</ul>`
  }
${isProjected(comparison) && html`<p class="hint">‘whole file’ is what all ${count(sample.rows_usable)} rows would cost at the price of the sample.</p>`}
<div class="scroll" tabindex="0" role="region" aria-label="Figures of the ways"><table class="figures"><caption>Figures of the ways</caption>
<thead>${
    isNumbered(ways) &&
    html`<tr><th scope="row">way</th>${cells(
      ways.map((_, index) => String(index + 1)),
      'th',
    )}</tr>`
  }${heads.map(({ label, values }) => html`<tr><th scope="row">${label.trim()}</th>${cells(values, 'th')}</tr>`)}</thead>
<tbody>${rows.map(({ label, values }) => html`<tr><th scope="row">${label.trim()}</th>${cells(values, 'td')}</tr>`)}</tbody></table></div>
${varied.includes('instruction') && html`<ol class="instructions">${instructions.map((instruction) => html`<li dir="auto">${instruction}</li>`)}</ol>`}
<div class="charts">${chartsOf(ways).map(chartFigure)}</div>`;
}

/** Charts of cost, tokens and time, each only where every way has something to draw. */
function chartsOf(ways: readonly ComparedWay[]): Chart[] {
  const label = (way: ComparedWay, index: number) => (isNumbered(ways) ? String(index + 1) : way.name.replace(/ rows? a call$/, ''));
  const bars = (valuesOf: (way: ComparedWay) => number[]) =>
    ways.map((way, index) => ({ label: label(way, index), values: valuesOf(way) }));
  const each = (text: (way: ComparedWay) => string, figure: (way: ComparedWay) => number) => {
    const ascending = ways.filter(isWhole).toSorted((one, other) => figure(one) - figure(other));
    const told = ascending.length > TOLD_WAYS ? [ascending[0], ascending.at(-1)] : ascending;
    const words = told.flatMap((way) => (way ? [`${way.name}: ${text(way)}`] : [])).join('; ');
    return `${ascending.length > TOLD_WAYS ? 'The least and the most: ' : ''}${words === '' ? 'No way came to its end' : words}.`;
  };
  const has = (figureOf: (way: ComparedWay) => number | null) => ways.some((way) => (figureOf(way) ?? 0) > 0);
  return [
    ...(ways.every(({ cost_usd }) => cost_usd !== null) && has(({ cost_usd }) => cost_usd)
      ? [
          {
            ...{ id: 'cost', title: 'Cost of the sample', series: ['dollars'], barName: 'way' },
            finding: each(
              ({ cost_usd }) => dollars(cost_usd),
              ({ cost_usd }) => cost_usd ?? 0,
            ),
            bars: bars(({ cost_usd }) => [cost_usd ?? 0]),
            tickText: (value: number) => (value === 0 ? '0' : `$${Number(value.toPrecision(2))}`),
            valueText: dollars,
          },
        ]
      : []),
    ...(has(({ input_tokens }) => input_tokens)
      ? [
          {
            ...{ id: 'tokens', title: 'Tokens', series: ['in', 'out'], barName: 'way' },
            finding: each(
              ({ input_tokens, output_tokens }) => `${count(input_tokens)} in, ${count(output_tokens)} out`,
              ({ input_tokens }) => input_tokens,
            ),
            bars: bars(({ input_tokens, output_tokens }) => [input_tokens, output_tokens]),
            tickText: shortCount,
            valueText: count,
          },
        ]
      : []),
    ...(has(({ seconds }) => seconds)
      ? [
          {
            ...{ id: 'time', title: 'Time', series: ['seconds'], barName: 'way' },
            finding: each(
              ({ seconds }) => (seconds === null ? 'none' : duration(seconds)),
              ({ seconds }) => seconds ?? 0,
            ),
            bars: bars(({ seconds }) => [seconds ?? 0]),
            tickText: (value: number) => (value === 0 ? '0' : `${Number(value.toPrecision(3))} s`),
            valueText: duration,
          },
        ]
      : []),
  ];
}

const rootsBody = ({ ways }: Comparison): Html =>
  html`<ul class="ways">${ways.map(
    (way, index) => html`<li><h3>${isNumbered(ways) && `${index + 1}. `}${way.name}</h3>
<p class="text" dir="auto">${rootText(way)}</p>
${way.status !== 'unstarted' && html`<p class="meta"><a href="results/${reportKey(encodeURIComponent(way.run_id))}">Its own report</a></p>`}</li>`,
  )}</ul>`;

function batchesBody({ ways }: Comparison): Html {
  const stretches = alignedStretches(ways.filter(({ level0 }) => level0.length > 0).map(({ level0 }) => level0));
  const shownWays = ways.filter(({ level0 }) => level0.length > 0);
  let left = SHOWN_SUMMARIES;
  const shown = stretches.filter(({ batches }) => {
    left -= batches.reduce((sum, some) => sum + some.length, 0);
    return left >= 0;
  });
  return html`<p>Each line is the shortest stretch of the sample at whose end a batch ends in every way.</p>
<ol class="stretches">${shown.map(
    (
      stretch,
      index,
    ) => html`<li><details${index < OPEN_STRETCHES && html` open`}><summary><span class="label">${rowsWords(stretch)}</span> <span class="meta">${stretch.batches
      .map((batches) => count(batches.length))
      .join(' / ')} ${stretch.batches.every((batches) => batches.length === 1) ? 'summary each' : 'summaries'}</span></summary>
<div class="sides">${stretch.batches.map(
      (batches, way) => html`<div><h3>${shownWays[way]?.name}</h3>${batches.map((batch) => batchText(batch, batches.length > 1))}</div>`,
    )}</div></details></li>`,
  )}</ol>
${shown.length < stretches.length && html`<p class="hint">${counted(stretches.length - shown.length, 'stretch')} more are in the reports of the ways.</p>`}`;
}

function rowsWords({ groupKey, firstRow, rows }: Stretch<ComparedBatch>): Html {
  const words = rows === 1 ? `row ${count(firstRow + 1)}` : `rows ${count(firstRow + 1)} to ${count(firstRow + rows)}`;
  return groupKey === null ? html`${words}` : html`<bdi>${groupName(groupKey)}</bdi>, ${words}`;
}

const batchText = ({ rows, summary, error }: ComparedBatch, isOneOfSeveral: boolean): Html =>
  html`${
    isOneOfSeveral && html`<p class="meta">${counted(rows, 'row')}</p>`
  }<p class="text" dir="auto">${summary ?? (error === null ? 'No summary.' : `Failed: ${error}`)}</p>`;

function settingsBody(settings: Settings): Html {
  const compared: readonly string[] = comparedNames;
  const common = Object.entries(changedSettings(settings)).filter(([name]) => !compared.includes(name));
  return html`<p>Beside what is compared. Settings that are not listed are as by default.</p>
<div class="scroll"><table class="settings"><caption>Set for all ways</caption><thead><tr><th scope="col">setting</th><th scope="col">value</th></tr></thead>
<tbody>${common.map(
    ([name, value]) =>
      html`<tr><th scope="row"><code>--${kebabCase(name)}</code></th><td dir="auto">${Array.isArray(value) ? value.join(',') : String(value)}</td></tr>`,
  )}</tbody></table></div>`;
}
