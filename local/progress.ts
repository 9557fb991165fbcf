import { SingleBar } from 'cli-progress';
import { count, dollars, duration, shortCount } from './figures.ts';
import type { RunMeter } from './run-meter.ts';

const BAR_INTERVAL_MS = 100;
const LINE_INTERVAL_MS = 5_000;
const BAR_CHARACTERS = { least: 6, most: 20 };
const DEFAULT_COLUMNS = 80;

/** Shows a meter on a stream while a run works: a bar on a terminal, a plain line now and then elsewhere. */
export class Progress {
  private readonly meter: RunMeter;
  private readonly stream: NodeJS.WriteStream;
  private bar: SingleBar | undefined;
  private timer: NodeJS.Timeout | undefined;
  private startedAt = 0;

  constructor(meter: RunMeter, stream: NodeJS.WriteStream) {
    this.meter = meter;
    this.stream = stream;
  }

  start(): void {
    this.startedAt = Date.now();
    if (this.stream.isTTY) {
      this.bar = new SingleBar({
        format: (_options, { progress }) => this.barLine(progress),
        stream: this.stream,
        hideCursor: true,
        clearOnComplete: true,
        stopOnComplete: false,
        linewrap: false,
      });
      this.startBar();
    }
    const show = this.bar ? () => this.bar?.update(this.meter.batchesDone) : () => this.stream.write(`${this.text()}\n`);
    this.timer = setInterval(show, this.bar ? BAR_INTERVAL_MS : LINE_INTERVAL_MS);
    this.timer.unref();
  }

  /** Writes a line, above the bar where there is one. */
  say(line: string): void {
    this.bar?.stop();
    this.stream.write(`${line}\n`);
    if (this.bar) this.startBar();
  }

  /** Leaves the terminal as it was found, its cursor and its line wrapping too. */
  stop(): void {
    clearInterval(this.timer);
    this.bar?.stop();
    this.bar = undefined;
  }

  private startBar(): void {
    this.bar?.start(this.meter.batchesTotal, this.meter.batchesDone);
  }

  /** The bar takes the room that its text leaves; where that is too little, the text loses its lesser parts. */
  private barLine(progress: number): string {
    // The last column stays free: some terminals break the line there.
    const columns = (this.stream.columns || DEFAULT_COLUMNS) - 1;
    const text = this.text(columns - BAR_CHARACTERS.least - 1);
    const size = Math.max(BAR_CHARACTERS.least, Math.min(BAR_CHARACTERS.most, columns - text.length - 1));
    const filled = Math.round(Math.min(1, progress) * size);
    return `${'█'.repeat(filled)}${'░'.repeat(size - filled)} ${text}`;
  }

  private text(maxCharacters = Number.POSITIVE_INFINITY): string {
    const { batchesDone, batchesTotal, rowsDone, calls, callsFailed, inputTokens, outputTokens, costUsd } = this.meter;
    const seconds = Math.max(0.001, (Date.now() - this.startedAt) / 1000);
    const left = batchesDone > 0 ? duration((seconds / batchesDone) * (batchesTotal - batchesDone)) : '?';
    const parts = {
      batches: `${count(batchesDone)}/${count(batchesTotal)} batches`,
      rows: `${count(Math.round(rowsDone / seconds))} rows/s`,
      calls: `${count(calls)} calls${callsFailed > 0 ? ` (${count(callsFailed)} without an answer)` : ''}`,
      tokens: `${shortCount(inputTokens + outputTokens)} tokens`,
      cost: dollars(costUsd),
      left: `${left} left`,
    };
    let names: (keyof typeof parts)[] = ['batches', 'rows', 'calls', 'tokens', 'cost', 'left'];
    const line = () => names.map((name) => parts[name]).join(' · ');
    for (const lesser of ['tokens', 'calls', 'rows', 'cost', 'left']) {
      if (line().length > maxCharacters) names = names.filter((name) => name !== lesser);
    }
    return line();
  }
}
