import type { Batch, Run } from '../functions/shared/contract.ts';
import { callsOf } from '../functions/shared/fold.ts';
import { costUsd } from '../functions/shared/model-catalog.ts';
import { outcomePrefix } from '../functions/shared/object-keys.ts';
import type { Outcome } from '../functions/shared/outcome.ts';
import type { Plan } from '../functions/shared/plan.ts';
import type { ObjectStore, Summarizer } from '../functions/shared/ports.ts';
import { byteSize, count, counted, dollars, shortCount } from './figures.ts';
import { leftPart, stoppingPart } from './meter-parts.ts';
import { Pace } from './pace.ts';
import { watchedStore } from './watched-store.ts';

/** One thing that a meter says. */
export interface MeterPart {
  text: string;
  /** For where there is little room. @default text */
  short?: string;
  /** Where there is too little room the lowest goes first. */
  rank: number;
  /** Something went wrong. */
  isTrouble?: true;
}

/** What a meter says at one moment. */
export interface MeterLine {
  /** How much is done, 0 to 1. */
  share: number;
  /** In the order in which they are shown. */
  parts: MeterPart[];
}

type Phase = 'starting' | 'copying' | 'reading' | 'summarizing' | 'writing' | 'finishing';

/**
 * What a run has done so far in this process, in numbers and in words, for people to watch. The tables do not depend on it.
 * It is told of each step by whoever runs it, and counts what goes through the ports that it stands before.
 */
export class RunMeter {
  batchesTotal = 0;
  batchesDone = 0;
  batchesFailed = 0;
  /** Batches whose answers were there already, paid by another run, another attempt or another batch. */
  batchesCached = 0;
  rowsDone = 0;
  calls = 0;
  callsFailed = 0;
  callsInFlight = 0;
  inputTokens = 0;
  outputTokens = 0;
  /** null once the price of an answer is unknown. */
  costUsd: number | null = 0;
  /** No new call is made. */
  isStopping = false;

  readonly #now: () => number;
  readonly #pace = new Pace();
  #phase: Phase = 'starting';
  #bytesTotal = 0;
  #bytesRead = 0;
  #bytesStaged = 0;
  /** Batches of each level. */
  #levels: number[] = [];
  #level = 0;
  #levelDone = 0;
  #partsTotal = 0;
  #partsDone = 0;
  /** Outcomes written in this level whose batches are not settled yet, by batch. */
  readonly #outcomes = new Map<number, { isPaid: boolean; isFailed: boolean }>();
  #rowsWorked = 0;
  #firstCallAt: number | null = null;
  #lastRowsAt = 0;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The upload is copied from where it lies. */
  copying(bytes: number): void {
    this.#phase = 'copying';
    this.#bytesTotal = bytes;
  }

  bytesCopied(bytes: number): void {
    this.#bytesRead += bytes;
  }

  /** The upload is read and staged, from its beginning. */
  reading(bytes: number): void {
    this.#phase = 'reading';
    this.#bytesTotal = bytes;
    this.#bytesRead = 0;
    this.#bytesStaged = 0;
  }

  planned(plan: Pick<Plan, 'counts' | 'folds' | 'settings'>): void {
    const hasLevelsPart = plan.settings.rollUp || plan.counts.groups !== null;
    this.batchesTotal = callsOf(plan);
    this.#levels = [plan.counts.batches, ...plan.folds];
    this.#partsTotal = plan.counts.parts + (hasLevelsPart ? 1 : 0);
  }

  summarizing(level: number): void {
    this.#phase = 'summarizing';
    this.#level = level;
    this.#levelDone = 0;
    this.#outcomes.clear();
    if (level > 0) this.#pace.levelEnded();
  }

  batchesSettled(batches: readonly Batch[]): void {
    const now = this.#now();
    for (const { batchId, level, rows } of batches) {
      const { isPaid = false, isFailed = false } = this.#outcomes.get(batchId) ?? {};
      this.#outcomes.delete(batchId);
      this.batchesDone++;
      this.#levelDone++;
      if (isFailed) this.batchesFailed++;
      else if (!isPaid) this.batchesCached++;
      if (isPaid || isFailed) this.#pace.batchWorked(now);
      // Rows are done at level 0; above it the same ones are folded.
      if (level > 0) continue;
      this.rowsDone += rows;
      if (isPaid) this.#rowsWorked += rows;
      this.#lastRowsAt = now;
    }
  }

  writing(): void {
    this.#phase = 'writing';
  }

  partWritten(): void {
    this.#partsDone = Math.min(this.#partsTotal, this.#partsDone + 1);
  }

  finishing(): void {
    this.#phase = 'finishing';
  }

  /** The bucket of uploads, with the bytes counted that are read of it. */
  input(store: ObjectStore): ObjectStore {
    const add = (bytes: number) => {
      this.#bytesRead += bytes;
    };
    return watchedStore(store, {
      async get(...args) {
        const bytes = await store.get(...args);
        add(bytes?.length ?? 0);
        return bytes;
      },
      async *stream(...args) {
        for await (const chunk of store.stream(...args)) {
          add(chunk.length);
          yield chunk;
        }
      },
    });
  }

  /** The work bucket, with what is staged counted and the outcomes of an attempt looked at. */
  work(store: ObjectStore, { runId, attempt }: Pick<Run, 'runId' | 'attempt'>): ObjectStore {
    const look = (key: string, body: Uint8Array | string) => {
      const prefix = outcomePrefix(runId, this.#level);
      if (!key.startsWith(prefix)) return;
      const { batchId, status, payments } = JSON.parse(Buffer.from(body).toString()) as Outcome;
      this.#outcomes.set(batchId, { isPaid: payments.some((payment) => payment.attempt === attempt), isFailed: status === 'failed' });
    };
    return watchedStore(store, {
      async put(key, body, options) {
        await store.put(key, body, options);
        look(key, body);
      },
      async putIfAbsent(key, body, options) {
        const isWritten = await store.putIfAbsent(key, body, options);
        if (isWritten) look(key, body);
        return isWritten;
      },
      create: (key) => {
        const writer = store.create(key);
        return {
          write: async (chunk) => {
            await writer.write(chunk);
            this.#bytesStaged += chunk.length;
          },
          close: () => writer.close(),
          abort: () => writer.abort(),
        };
      },
    });
  }

  /** The summarizer, with its answers counted. */
  counting(summarizer: Summarizer, endpoint: string): Summarizer {
    return {
      summarize: async (request, options) => {
        const beganAt = this.#now();
        this.#firstCallAt ??= beganAt;
        this.#pace.callBegan(beganAt);
        this.callsInFlight++;
        try {
          const answer = await summarizer.summarize(request, options);
          this.#pace.callEnded(this.#now() - beganAt);
          this.calls++;
          this.inputTokens += answer.usage.inputTokens;
          this.outputTokens += answer.usage.outputTokens;
          const cost = costUsd(endpoint, request.model, answer.serviceTier, answer.usage);
          this.costUsd = this.costUsd === null || cost === null ? null : this.costUsd + cost;
          return answer;
        } catch (error) {
          this.callsFailed++;
          throw error;
        } finally {
          this.callsInFlight--;
        }
      },
    };
  }

  /** What is to be shown now. */
  line(): MeterLine {
    const [done, total] = [this.#partsDone, this.#partsTotal];
    switch (this.#phase) {
      case 'starting':
        return { share: 0, parts: [{ text: 'starting', rank: 9 }] };
      case 'copying':
        return { share: this.#shareRead(), parts: [{ text: `copying ${this.#bytesText()}`, short: 'copying', rank: 9 }] };
      case 'reading':
        return { share: this.#shareRead(), parts: this.#readingParts() };
      case 'summarizing':
        return { share: this.batchesTotal === 0 ? 0 : this.batchesDone / this.batchesTotal, parts: this.#summarizingParts() };
      case 'writing':
        return {
          share: total === 0 ? 0 : done / total,
          parts: [{ text: `writing tables ${count(done)}/${count(total)}`, short: `tables ${count(done)}/${count(total)}`, rank: 9 }],
        };
      case 'finishing':
        return { share: 1, parts: [{ text: 'proving the ledger, showing the tables', short: 'finishing', rank: 9 }] };
    }
  }

  #shareRead() {
    return this.#bytesTotal === 0 ? 0 : Math.min(1, this.#bytesRead / this.#bytesTotal);
  }

  #bytesText() {
    return `${byteSize(Math.min(this.#bytesRead, this.#bytesTotal))} of ${byteSize(this.#bytesTotal)}`;
  }

  #readingParts(): MeterPart[] {
    const isRead = this.#bytesRead >= this.#bytesTotal;
    const reading: MeterPart = isRead
      ? { text: 'planning', rank: 9 }
      : { text: `reading ${this.#bytesText()}`, short: `read ${byteSize(this.#bytesRead)}`, rank: 9 };
    return this.#bytesStaged === 0 ? [reading] : [reading, { text: `${byteSize(this.#bytesStaged)} staged`, rank: 1 }];
  }

  #summarizingParts(): MeterPart[] {
    const { batchesDone, batchesTotal, batchesFailed, batchesCached, calls, callsFailed, callsInFlight } = this;
    const levels = this.#levels.length;
    const batches = `${count(batchesDone)}/${count(batchesTotal)}`;
    const level = `${this.#level + 1}`;
    const rows = this.#rowsPerSecond();
    const tokens = this.inputTokens + this.outputTokens;
    return [
      ...(levels > 1 ? [{ text: `level ${level} of ${levels}`, short: `L${level}/${levels}`, rank: 6 }] : []),
      { text: `${batches} batches`, short: batches, rank: 9 },
      ...(batchesFailed > 0 ? [{ text: `${count(batchesFailed)} failed`, rank: 7, isTrouble: true as const }] : []),
      ...(rows === null ? [] : [{ text: `${count(rows)} rows/s`, rank: 2 }]),
      {
        text: `${counted(calls, 'call')}${callsFailed > 0 ? ` (${count(callsFailed)} without an answer)` : ''}`,
        short: counted(calls, 'call'),
        rank: 3,
      },
      ...(batchesCached > 0 ? [{ text: `${count(batchesCached)} cached`, rank: 4 }] : []),
      { text: `${shortCount(tokens)} tokens`, rank: 1 },
      { text: dollars(this.costUsd), rank: 5 },
      this.isStopping ? stoppingPart(callsInFlight) : leftPart(this.secondsLeft()),
    ];
  }

  /** Until the last call ends; null until that can be told. */
  secondsLeft(): number | null {
    const remaining = Math.max(0, (this.#levels[this.#level] ?? 0) - this.#levelDone);
    return this.#pace.secondsLeft(remaining, this.#levels.slice(this.#level + 1), this.#now());
  }

  /** Of the rows that took calls here; above level 0 as it was until then. */
  #rowsPerSecond(): number | null {
    if (this.#firstCallAt === null || this.#rowsWorked === 0) return null;
    const until = this.#level === 0 ? this.#now() : this.#lastRowsAt;
    return Math.round((1000 * this.#rowsWorked) / Math.max(1, until - this.#firstCallAt));
  }
}
