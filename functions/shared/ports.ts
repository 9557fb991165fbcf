import type { Usage } from './errors.ts';
import type { RateAnswer, RateReservation } from './rate-feedback.ts';
import type { ProviderLimits } from './rate-headers.ts';
import type { RateCall } from './rate-limit.ts';
import type { RunEvent } from './run-event.ts';

/** Bytes `[start, end)` of an object. */
export interface ByteRange {
  start: number;
  end: number;
}

export interface ObjectHead {
  bytes: number;
  /** S3's version id; of a local file, the SHA-256 of its bytes. */
  versionId: string;
  /** User metadata, names in lower case without the `x-amz-meta-` prefix. */
  metadata: Record<string, string>;
}

export interface ReadOptions {
  /** Pins the read to one version; another version there is an error, never other bytes. */
  versionId?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** A streamed upload. Nothing is visible under the key before `close` has returned. */
export interface ObjectWriter {
  write(chunk: Uint8Array): Promise<void>;
  close(): Promise<void>;
  /** Gives the upload up and leaves nothing behind. Safe to call after `close`. */
  abort(): Promise<void>;
}

/** One bucket. Keys use `/`; a `put` replaces whole objects, so a reader sees all of an object or none. */
export interface ObjectStore {
  readonly bucket: string;
  /** @returns undefined where there is no such object. */
  head(key: string, options?: ReadOptions): Promise<ObjectHead | undefined>;
  /** @returns the whole object or the range, undefined where there is no such object. */
  get(key: string, options?: ReadOptions & { range?: ByteRange }): Promise<Uint8Array | undefined>;
  /** Chunks of the object from byte `start` (default 0). @throws Error `ObjectNotFound` where there is none. */
  stream(key: string, options?: ReadOptions & { start?: number }): AsyncIterable<Uint8Array>;
  /** `metadata` as `head` gives it, names in lower case, values in ASCII; `contentType` for who downloads the object, where the store keeps one. */
  put(
    key: string,
    body: Uint8Array | string,
    options?: { signal?: AbortSignal | undefined; metadata?: Record<string, string>; contentType?: string },
  ): Promise<void>;
  /** @returns whether this call wrote the object; false where it existed, whose bytes are left alone. */
  putIfAbsent(key: string, body: Uint8Array | string, options?: { signal?: AbortSignal | undefined }): Promise<boolean>;
  create(key: string): ObjectWriter;
  /** Every object whose key starts with the prefix, in key order. */
  list(prefix: string): AsyncIterable<{ key: string; bytes: number }>;
  /** The prefix continued up to its next `/`, for every key where it goes on to one, each once and in key order: `runs/` gives `runs/july/`. */
  folders(prefix: string): AsyncIterable<string>;
  /** Copies an object of `source` to `key` here without moving its bytes through this process where the store can. */
  copy(source: ObjectStore, sourceKey: string, key: string): Promise<void>;
  /** Deleting what is not there is no error. */
  delete(keys: readonly string[]): Promise<void>;
}

/** One version of an object, or the mark of a deletion, which has no bytes. */
export interface ObjectVersion {
  key: string;
  versionId: string;
  bytes: number;
  isDeletion: boolean;
  /** Whether it is the one that `get` gives, or the mark for which there is none to give. */
  isLatest: boolean;
}

/** The versions of one bucket, for whoever removes for good what it holds. No step does; so it is no part of `ObjectStore`. */
export interface ObjectVersions {
  readonly bucket: string;
  /** Every version of every object whose key starts with the prefix, in key order; where a bucket has no versions, every object. */
  list(prefix: string): AsyncIterable<ObjectVersion>;
  /** Removes versions and leaves no mark. One that is not there, or no longer, is no error. */
  delete(versions: readonly Pick<ObjectVersion, 'key' | 'versionId'>[]): Promise<void>;
}

export interface ChatMessage {
  role: 'system' | 'user';
  content: string;
}

/** What an answer is to be where it is not plain text: JSON that a schema describes. */
export interface AnswerFormat {
  /** Letters, digits, `_` and `-`. */
  readonly name: string;
  /** Strict: each object lists all of its properties as required and allows no others. */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** One model call, in the project's own words; the adapter gives its parts the names that the model wants. */
export interface SummaryRequest {
  model: string;
  messages: readonly ChatMessage[];
  temperature: number;
  maxOutputTokens: number;
  serviceTier: string | null;
  /** null for plain text. An endpoint that knows no schemas is asked without it: the messages must ask for the JSON, too. */
  format: AnswerFormat | null;
}

export interface SummaryAnswer {
  text: string;
  finishReason: 'stop' | 'length';
  /** The model that the endpoint says has answered. */
  model: string;
  serviceTier: string | null;
  requestId: string | null;
  usage: Usage;
  latencyMs: number;
  /** What the answer's headers say of the endpoint's limits, null where they say nothing. */
  limits: ProviderLimits | null;
}

export interface Summarizer {
  /**
   * @throws ModelThrottledError, ModelUnavailableError, ModelQuotaExhaustedError, UnusableSummaryError, ContextOverflowError,
   * ModelAccessError, ModelRequestError: see errors.ts for when.
   */
  summarize(request: SummaryRequest, options: { signal?: AbortSignal | undefined }): Promise<SummaryAnswer>;
}

export interface SpendRequest {
  runId: string;
  attempt: number;
  /** The most that the call can cost; 0 where the price is unknown. */
  reserveUsd: number;
  /** The run's `maxCostUsd`, null for no cap. */
  capUsd: number | null;
  /** UTC date on which the call is made, under whose budget it falls also where it ends on the next: `2026-11-26`. */
  day: string;
}

/** Stop reason of an attempt whose next call could take the run above its cap. */
export const BUDGET_EXCEEDED = 'budget_exceeded';
/** Stop reason of an attempt whose next call could take the runs of a day above what the deployment may spend on it. */
export const DAILY_BUDGET_EXCEEDED = 'daily_budget_exceeded';

/**
 * `granted`, or why not: the attempt is halted, or the reservation does not fit under the cap. A null reason: it would fit if the calls in
 * flight cost nothing, so it is worth asking again when some of them have been settled; `heldBy` is then the stop reason that their cap would have.
 */
export type SpendDecision =
  | { granted: true }
  | { granted: false; stopReason: string }
  | { granted: false; stopReason: null; heldBy: string };

/** What all workers of a run share: money spent and the halt flag. */
export interface Control {
  /** Reserves money for one call: of the run in one atomic step that also sees the halt flag, then of the day. */
  reserve(request: SpendRequest): Promise<SpendDecision>;
  /** Replaces a reservation by what the call cost. */
  settle(request: SpendRequest, spentUsd: number): Promise<void>;
  /** Stops every worker of the attempt before its next call. The first reason stays. */
  halt(runId: string, attempt: number, stopReason: string): Promise<void>;
  /** Counts a batch of the attempt by whether it has a summary. @returns the counts so far. */
  count(runId: string, attempt: number, hasSummary: boolean): Promise<{ summarized: number; failed: number }>;
  /** @returns the reason for which the attempt is halted, undefined while it goes on. */
  stopReason(runId: string, attempt: number): Promise<string | undefined>;
}

/** A slot that starts in `waitSeconds` (0 to MAX_INLINE_WAIT_SECONDS), or the whole seconds after which to ask again. */
export type RateDecision = { reserved: true; waitSeconds: number; reservation: RateReservation } | { reserved: false; waitSeconds: number };

/** The endpoint's limits, shared by all workers of all runs. `key` stands for one endpoint and model (see rateKey). */
export interface RateLimiter {
  /** Takes a slot for one call. Without any limit, announced or set, every call has one at once, except during a pause. */
  reserve(key: string, call: RateCall): Promise<RateDecision>;
  /**
   * To be called when the call has ended, whatever its end: learns from the answer's headers, from a refusal, and from the tokens that were
   * counted in the end. These corrections may be held back in the process until its next reserve.
   * @param result `countedTokens` null where nobody knows.
   */
  settle(reservation: RateReservation, result: RateAnswer & { countedTokens: number | null }): Promise<void>;
  /** Writes what was held back; to be called before the process may be frozen or end. */
  flush(): Promise<void>;
}

export interface EventSink {
  publish(event: RunEvent): Promise<void>;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  sleep(seconds: number, signal?: AbortSignal): Promise<void>;
}

/** Lines for operators: names, numbers and codes, never a customer's words. */
export interface Log {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
}
