import { Presets, SingleBar } from 'cli-progress';
import { count, dollars, duration, shortCount } from './figures.ts';
import type { RunMeter } from './run-meter.ts';

const BAR_INTERVAL_MS = 100;
const LINE_INTERVAL_MS = 5_000;

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
      this.bar = new SingleBar(
        {
          format: '{bar} {text}',
          stream: this.stream,
          hideCursor: true,
          barsize: 20,
          clearOnComplete: true,
          stopOnComplete: false,
          linewrap: false,
        },
        Presets.shades_classic,
      );
      this.bar.start(this.meter.batchesTotal, 0, { text: this.text() });
    }
    const show = this.bar
      ? () => this.bar?.update(this.meter.batchesDone, { text: this.text() })
      : () => this.stream.write(`${this.text()}\n`);
    this.timer = setInterval(show, this.bar ? BAR_INTERVAL_MS : LINE_INTERVAL_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.bar?.stop();
    this.bar = undefined;
  }

  private text(): string {
    const { batchesDone, batchesTotal, rowsDone, calls, callsFailed, inputTokens, outputTokens, costUsd } = this.meter;
    const seconds = Math.max(0.001, (Date.now() - this.startedAt) / 1000);
    const left = batchesDone > 0 ? duration((seconds / batchesDone) * (batchesTotal - batchesDone)) : '?';
    return [
      `${count(batchesDone)}/${count(batchesTotal)} batches`,
      `${count(Math.round(rowsDone / seconds))} rows/s`,
      `${count(calls)} calls${callsFailed > 0 ? ` (${count(callsFailed)} without an answer)` : ''}`,
      `${shortCount(inputTokens + outputTokens)} tokens`,
      dollars(costUsd),
      `${left} left`,
    ].join(' · ');
  }
}
