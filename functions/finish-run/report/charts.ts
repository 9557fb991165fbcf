import { nice, ticks } from 'd3-array';
import { type Html, html } from './html.ts';

/** Units of the drawing; it is shown about as wide, on a phone and in a row of three alike, so that its labels can be read. */
const WIDTH = 360;
const HEIGHT = 200;
/** Width of a character of a label. */
const CHARACTER = 7;
const RIGHT = 6;
const TOP = 10;
const BOTTOM = 34;
const TICKS = 4;
/** Characters of all labels below the bars together; of more bars only some are labelled. */
const LABEL_CHARACTERS = 42;

export interface Chart {
  id: string;
  title: string;
  /** What it shows, in a sentence: the text for those who do not see it. */
  finding: string;
  /** Names of what is stacked in a bar, from the ground up. */
  series: readonly string[];
  /** What a bar is, and what its axis is called. */
  barName: string;
  bars: readonly { label: string; values: readonly number[] }[];
  /** A value as it stands beside the axis, empty where none is to stand there. */
  tickText: (value: number) => string;
  /** A value as it stands in the table. */
  valueText: (value: number) => string;
}

const round = (value: number) => Number(value.toFixed(2));

/** A figure of bars: drawn, told in a sentence, and as a table. Colours and fonts are the page's. */
export function chartFigure(chart: Chart): Html {
  const { id, title, finding, series } = chart;
  return html`<figure class="chart" aria-labelledby="${id}-title">
<figcaption id="${id}-title"><strong>${title}</strong> <span>${finding}</span></figcaption>
${series.length > 1 && html`<p class="legend">${series.map((name, index) => html`<span class="key series-${index}">${name}</span>`)}</p>`}
${drawing(chart)}
${tableOf(chart)}
</figure>`;
}

function drawing({ title, finding, bars, barName, tickText }: Chart): Html {
  const most = Math.max(...bars.map(({ values }) => sum(values)));
  const [, top] = nice(0, most > 0 ? most : 1, TICKS);
  const yOf = (value: number) => round(HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM));
  const marks = ticks(0, top, TICKS).filter((value) => tickText(value) !== '');
  const left = 10 + CHARACTER * Math.max(...marks.map((value) => tickText(value).length));
  const step = (WIDTH - left - RIGHT) / bars.length;
  const width = round(Math.max(1, Math.min(44, step * 0.76)));
  const lines = marks.map(
    (value) =>
      html`<line class="grid" x1="${left}" x2="${WIDTH - RIGHT}" y1="${yOf(value)}" y2="${yOf(value)}"/><text class="tick" x="${left - 6}" y="${yOf(value) + 4}" text-anchor="end">${tickText(value)}</text>`,
  );
  const columns = bars.map(({ values }, index) => {
    const x = round(left + step * (index + 0.5) - width / 2);
    let ground = 0;
    return values.map((value, series) => {
      const [low, high] = [yOf(ground), yOf(ground + value)];
      ground += value;
      return value > 0 && html`<rect class="bar series-${series}" x="${x}" y="${high}" width="${width}" height="${round(low - high)}"/>`;
    });
  });
  const every = Math.ceil(sum(bars.map(({ label }) => label.length + 1)) / LABEL_CHARACTERS);
  const labels = bars.map(
    ({ label }, index) =>
      index % every === 0 &&
      html`<text class="tick" x="${round(left + step * (index + 0.5))}" y="${HEIGHT - BOTTOM + 14}" text-anchor="middle">${label}</text>`,
  );
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}. ${finding}">${lines}${columns}${labels}<text class="axis" x="${(left + WIDTH - RIGHT) / 2}" y="${HEIGHT - 4}" text-anchor="middle">${barName}</text></svg>`;
}

const tableOf = ({ title, series, bars, barName, valueText }: Chart): Html => html`<details class="figures-table"><summary>Figures</summary>
<table><caption>${title}</caption><thead><tr><th scope="col">${barName}</th>${series.map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
<tbody>${bars.map(({ label, values }) => html`<tr><th scope="row">${label}</th>${values.map((value) => html`<td class="number">${valueText(value)}</td>`)}</tr>`)}</tbody></table></details>`;

const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
