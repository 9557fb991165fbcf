import type { Usage } from './errors.ts';
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
  put(key: string, body: Uint8Array | string, options?: { signal?: AbortSignal | undefined }): Promise<void>;
  /** @returns whether this call wrote the object; false where it existed, whose bytes are left alone. */
  putIfAbsent(key: string, body: Uint8Array | string, options?: { signal?: AbortSignal | undefined }): Promise<boolean>;
  create(key: string): ObjectWriter;
  /** Every object whose key starts with the prefix, in key order. */
  list(prefix: string): AsyncIterable<{ key: string; bytes: number }>;
  /** Copies an object of `source` to `key` here without moving its bytes through this process where the store can. */
  copy(source: ObjectStore, sourceKey: string, key: string): Promise<void>;
  /** Deleting what is not there is no error. */
  delete(keys: readonly string[]): Promise<void>;
}

export interface ChatMessage {
  role: 'system' | 'user';
  content: string;
}

/** One model call, in the project's own words; the adapter gives its parts the names that the model wants. */
export interface SummaryRequest {
  model: string;
  messages: readonly ChatMessage[];
  temperature: number;
  maxOutputTokens: number;
  serviceTier: string | null;
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
}

/** `granted`, or why not: the attempt is halted, or the reservation does not fit under the cap. */
export type SpendDecision = { granted: true } | { granted: false; stopReason: string };

/** What all workers of a run share: money spent and the halt flag. */
export interface Control {
  /** Reserves money for one call; one atomic step that also sees the halt flag. */
  reserve(request: SpendRequest): Promise<SpendDecision>;
  /** Replaces a reservation by what the call cost. */
  settle(request: SpendRequest, spentUsd: number): Promise<void>;
  /** Stops every worker of the attempt before its next call. The first reason stays. */
  halt(runId: string, attempt: number, stopReason: string): Promise<void>;
  /** @returns the reason for which the attempt is halted, undefined while it goes on. */
  stopReason(runId: string, attempt: number): Promise<string | undefined>;
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
