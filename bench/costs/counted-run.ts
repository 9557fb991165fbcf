import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shareOfFunction } from '../../functions/plan-batches/plan-batches.ts';
import { systemClock } from '../../functions/shared/clock.ts';
import type { StepName } from '../../functions/shared/contract.ts';
import { OFFLINE_ENDPOINT } from '../../functions/shared/model-catalog.ts';
import type { ObjectStore } from '../../functions/shared/ports.ts';
import { stateNames } from '../../infra/workflow.ts';
import { claimNextAttempt } from '../../local/local-attempt.ts';
import { type PortWatch, runLocally } from '../../local/local-run.ts';
import { localStores } from '../../local/local-stores.ts';
import { importUpload, localUpload } from '../../local/local-upload.ts';
import { RunMeter } from '../../local/run-meter.ts';
import { reviews } from '../reviews.ts';

/** Bytes from which a streamed upload is sent in parts, and of each part: as in s3-object-store.ts. */
const PART_BYTES = 8 * 1024 * 1024;

/** What one run did, as the requests that AWS bills. */
export interface Counts {
  rows: number;
  batches: number;
  /** PUT, COPY and LIST; a streamed upload is one, or one for each part and two more. */
  s3Writes: number;
  /** GET and HEAD. */
  s3Reads: number;
  controlWrites: number;
  controlReads: number;
  events: number;
  /** States entered and tried again, in the workflow and in its children, and the children's starts. */
  transitions: number;
  /** Tasks started, by step; those that were tried again count again. */
  invocations: Record<StepName, number>;
  calls: number;
  inputTokens: number;
  outputTokens: number;
}

const stepOfState: Readonly<Record<string, StepName>> = {
  [stateNames.plan]: 'plan-batches',
  [stateNames.summarize]: 'summarize-batch',
  [stateNames.recordFailure]: 'summarize-batch',
  [stateNames.write]: 'write-tables',
  [stateNames.finish]: 'finish-run',
};

/**
 * The last states of children: each child enters one of them, once. A distributed map is charged a transition for the start of every child besides
 * the child's own. Source: Step Functions developer guide, "Transitions in Distributed Map state".
 */
const lastOfChild: ReadonlySet<string> = new Set([stateNames.childDone, stateNames.recordFailure, stateNames.write]);

/** Counts what a run of invented reviews does on this machine, offline, with everything as it is deployed but the ports. */
export async function countedRun(rows: number): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), 'hundredfold-costs-'));
  try {
    const path = join(folder, 'reviews.csv');
    const lines = ['id,product,rating,review'];
    for (const { id, product, rating, review } of reviews(rows)) lines.push(`${id},${product},${rating},"${review}"`);
    writeFileSync(path, `${lines.join('\n')}\n`);
    const counts: Counts = {
      ...{ rows, batches: 0, s3Writes: 0, s3Reads: 0, controlWrites: 0, controlReads: 0, events: 0, transitions: 0 },
      ...{ invocations: { 'plan-batches': 0, 'summarize-batch': 0, 'write-tables': 0, 'finish-run': 0 } },
      ...{ calls: 0, inputTokens: 0, outputTokens: 0 },
    };
    const out = join(folder, 'out');
    const { input, work, results } = localStores(out);
    const stores = { input: counting(input, counts), work: counting(work, counts), results: counting(results, counts) };
    const run = await claimNextAttempt(
      await importUpload(localUpload(path, OFFLINE_ENDPOINT, { settings: {} }), out, work),
      work,
      systemClock,
    );
    const observer = { meter: new RunMeter(), planned() {}, waiting() {}, stepFailed() {}, log: { info() {}, warn() {} } };
    const record = await runLocally({
      run,
      out,
      stores,
      model: { endpoint: OFFLINE_ENDPOINT },
      concurrency: 16,
      // As it is deployed.
      batchesPerFunction: shareOfFunction,
      observer,
      watch: watching(counts),
    });
    if (record?.status !== 'complete') throw new Error(`The run ended ${record?.status}`);
    return { ...counts, batches: Number(record.batches), calls: Number(record.calls), ...tokensOf(record) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const tokensOf = (record: Record<string, unknown>) => ({
  inputTokens: Number(record.input_tokens),
  outputTokens: Number(record.output_tokens),
});

/** The store, with every call counted as the requests that it makes of S3; deleting costs nothing there. */
export function counting(store: ObjectStore, counts: Pick<Counts, 's3Reads' | 's3Writes'>): ObjectStore {
  const read = <Result>(result: Result): Result => {
    counts.s3Reads++;
    return result;
  };
  const write = <Result>(result: Result): Result => {
    counts.s3Writes++;
    return result;
  };
  const counted: ObjectStore = {
    bucket: store.bucket,
    head: (key, options) => read(store.head(key, options)),
    get: (key, options) => read(store.get(key, options)),
    stream: (key, options) => read(store.stream(key, options)),
    put: (key, body, options) => write(store.put(key, body, options)),
    putIfAbsent: (key, body, options) => write(store.putIfAbsent(key, body, options)),
    list: (prefix) => paged(store.list(prefix), counts),
    folders: (prefix) => paged(store.folders(prefix), counts),
    copy: (source, sourceKey, key) => write(store.copy(originals.get(source) ?? source, sourceKey, key)),
    delete: (keys) => store.delete(keys),
    create(key) {
      const writer = store.create(key);
      let bytes = 0;
      return {
        async write(chunk) {
          bytes += chunk.length;
          await writer.write(chunk);
        },
        async close() {
          counts.s3Writes += bytes < PART_BYTES ? 1 : Math.ceil(bytes / PART_BYTES) + 2;
          await writer.close();
        },
        abort: () => writer.abort(),
      };
    },
  };
  originals.set(counted, store);
  return counted;
}

/** A directory copies between directories only. */
const originals = new WeakMap<ObjectStore, ObjectStore>();

const LISTED_KEYS = 1_000;

async function* paged<Item>(items: AsyncIterable<Item>, counts: Pick<Counts, 's3Writes'>): AsyncGenerator<Item> {
  let listed = 0;
  counts.s3Writes++;
  for await (const item of items) {
    if (++listed % LISTED_KEYS === 0) counts.s3Writes++;
    yield item;
  }
}

const watching = (counts: Counts): PortWatch => ({
  control: (control) => {
    const write = <Result>(result: Result): Result => {
      counts.controlWrites++;
      return result;
    };
    return {
      ...control,
      reserve: (request) => write(control.reserve(request)),
      settle: (request, spentUsd) => write(control.settle(request, spentUsd)),
      halt: (runId, attempt, reason) => write(control.halt(runId, attempt, reason)),
      count: (runId, attempt, hasSummary) => write(control.count(runId, attempt, hasSummary)),
      stopReason(runId, attempt) {
        counts.controlReads++;
        return control.stopReason(runId, attempt);
      },
    };
  },
  // A slot is one step in the table at most, a correction another.
  rate: (rate) => ({
    reserve(key, call) {
      counts.controlWrites++;
      return rate.reserve(key, call);
    },
    settle(reservation, result) {
      counts.controlWrites++;
      return rate.settle(reservation, result);
    },
    flush: () => rate.flush(),
  }),
  events: (events) => ({
    publish(event) {
      counts.events++;
      return events.publish(event);
    },
  }),
  onState({ type, state }) {
    if (type !== 'entered' && type !== 'retried') return;
    counts.transitions++;
    if (type === 'entered' && lastOfChild.has(state)) counts.transitions++;
    const step = stepOfState[state];
    if (step) counts.invocations[step]++;
  },
});
