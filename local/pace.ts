/** Span by which the rate is measured: long enough to be calm, short enough to follow an endpoint that slows down. */
const WINDOW_MS = 60_000;
const WINDOW_CALLS = 4;
/** Settlings that come closer than this are one sample. */
const SAMPLE_MS = 250;
/** Weight of the latest call in the mean latency. */
const LATEST_WEIGHT = 0.1;

/**
 * How fast the batches come that take calls. Those whose answers are there already take next to no time: they say nothing of the rest and are
 * left out, whoever paid for them.
 */
export class Pace {
  #latencyMs: number | null = null;
  #worked = 0;
  #lastAt = 0;
  #levelBeganAt = 0;
  /** Batches that had been worked on at a time, the first when the first call began. */
  #samples: { at: number; worked: number }[] = [];

  callBegan(now: number): void {
    if (this.#samples.length === 0) this.#samples.push({ at: now, worked: 0 });
    if (this.#levelBeganAt === 0) this.#levelBeganAt = now;
  }

  callEnded(milliseconds: number): void {
    this.#latencyMs = this.#latencyMs === null ? milliseconds : this.#latencyMs + LATEST_WEIGHT * (milliseconds - this.#latencyMs);
  }

  /** The next call belongs to the next level. */
  levelEnded(): void {
    this.#levelBeganAt = 0;
  }

  batchWorked(now: number): void {
    this.#worked++;
    this.#lastAt = now;
    const latest = this.#samples.at(-1);
    if (latest && this.#samples.length > 1 && now - latest.at < SAMPLE_MS) latest.worked = this.#worked;
    else this.#samples.push({ at: now, worked: this.#worked });
    const windowMs = Math.max(WINDOW_MS, WINDOW_CALLS * (this.#latencyMs ?? 0));
    while (this.#samples.length > 2 && this.#samples[1]!.at <= now - windowMs) this.#samples.shift();
  }

  /**
   * Seconds until the rest is done, null until that can be told.
   * @param remaining batches of the level that is under way.
   * @param above batches of each level above it; a level of few batches takes as long as one call.
   */
  secondsLeft(remaining: number, above: readonly number[], now: number): number | null {
    const rate = this.#perMillisecond(now);
    if (rate === null) return null;
    const latency = this.#latencyMs ?? 0;
    const began = this.#levelBeganAt === 0 ? now : this.#levelBeganAt;
    const ofLevel = remaining === 0 ? 0 : Math.max(remaining / rate, latency - (now - began));
    return above.reduce((sum, batches) => sum + Math.max(batches / rate, latency), ofLevel) / 1000;
  }

  /** Between two settlings one call's time passes without any: that is no slowing down. */
  #perMillisecond(now: number): number | null {
    const [first] = this.#samples;
    if (!first || this.#worked === first.worked) return null;
    const until = Math.max(this.#lastAt, now - (this.#latencyMs ?? 0));
    return (this.#worked - first.worked) / Math.max(1, until - first.at);
  }
}
