import { MAX_INLINE_WAIT_SECONDS } from './limits.ts';

/**
 * What an endpoint limits, each a token bucket. A bucket is kept as one instant, its `tat` (GCRA: the theoretical arrival time at
 * which it would be empty): `now - tat` is what it holds, measured in the time that refilling takes, so that time alone refills it
 * and taking from it is one addition. Amounts per day exist beside those per minute; OpenAI announces either under the same header.
 */
export const bucketNames = ['requests', 'tokens', 'dailyRequests', 'dailyTokens'] as const;
export type BucketName = (typeof bucketNames)[number];
type PerBucket = Partial<Record<BucketName, number>>;

/** How long an empty bucket takes to fill. */
export const windowMs: Readonly<Record<BucketName, number>> = {
  requests: 60_000,
  tokens: 60_000,
  dailyRequests: 86_400_000,
  dailyTokens: 86_400_000,
};

/**
 * A bucket is never emptied below this: its level then shows in `remaining` whether somebody else takes from it, and a worker whose
 * clock is that much ahead is not refused. It is held back once, not from every refill.
 */
export const HEADROOM_MS = 3_000;
/** A bucket found full is taken for this much less, so that it is found within its bounds for a while and plain additions suffice. */
const FULL_BAND_MS = 2_000;
/** A slot that starts later than this is not given away yet. */
const HORIZON_MS = MAX_INLINE_WAIT_SECONDS * 1000;
/** While others stand in line, a call that does not come from there gets only slots as near as this, lest these stay empty. */
const NEWCOMER_HORIZON_MS = HORIZON_MS / 2;
/** Two clocks, or a belief and a header, that differ by less agree. */
const CLOCK_TOLERANCE_MS = 250;

/** Source: rate limits guide, "slow_down": traffic should grow by at most 50 % in 15 minutes. */
const SLOW_DOWN_GROWTH_PER_MS = Math.log(1.5) / (15 * 60_000);
/** Others who use the same limits may stop at any time: what was left to them is taken back by a tenth a minute. */
const SHORTFALL_GROWTH_PER_MS = Math.log(1.1) / 60_000;
const MIN_FACTOR = 1 / 64;

/** A share of the limits that was lowered to `factor` at `atMs` and has been growing since. */
export interface Share {
  factor: number;
  atMs: number;
}

/** What the calls are paced by, as learned from the endpoint. */
export interface RateTerms {
  /** Announced limits: amounts per minute, or per day in the daily buckets. */
  limits: PerBucket;
  pausedUntilMs: number;
  /** Lowered by `slow_down`. */
  slowDown: Share;
  /** Lowered while others use the limits too. */
  shortfall: Share;
}

/** What all workers share about one endpoint and model. Instants are milliseconds since the epoch. */
export interface RateState extends RateTerms {
  /** Counts the changes of the terms. */
  revision: number;
  /** When each bucket would be empty. One that is missing is full. */
  tatMs: PerBucket;
  /** Where the line of those who wait for a slot ends: the instant at which the last of them is expected to start. */
  lineMs: number;
  /** The latest clock by which anybody has written. */
  clockMs: number;
}

const whole: Share = { factor: 1, atMs: 0 };
export const freshState: RateState = {
  limits: {},
  pausedUntilMs: 0,
  slowDown: whole,
  shortfall: whole,
  revision: 0,
  tatMs: {},
  lineMs: 0,
  clockMs: 0,
};

/** `add` to an instant within [from, to], or `set` one that is missing or before `below`. */
export type InstantChange = { add: number; from: number; to: number } | { set: number; below: number };
export const LONG_AGO_MS = 0;
export const NEVER_MS = 8.64e15;

/** One atomic step: it happens as a whole if every condition holds, else not at all. */
export interface RateChange {
  /** The writer's clock. The step fails when somebody with a later clock has written: the writer's is behind. */
  nowMs: number;
  tats?: Partial<Record<BucketName, InstantChange>>;
  line?: InstantChange;
  /** The terms that the step was computed by; it fails when they have changed. */
  revision?: number;
  /** New terms, under the next revision. */
  terms?: Partial<RateTerms>;
}

export const latestClockMs = (nowMs: number) => nowMs + CLOCK_TOLERANCE_MS;

/** The state after a change, undefined where a condition does not hold. */
export function applied(state: RateState, change: RateChange): RateState | undefined {
  if (state.clockMs > latestClockMs(change.nowMs)) return undefined;
  if (change.revision !== undefined && change.revision !== state.revision) return undefined;
  const next: RateState = { ...state, ...change.terms, tatMs: { ...state.tatMs }, clockMs: change.nowMs };
  if (change.terms) next.revision += 1;
  for (const [bucket, instantChange] of Object.entries(change.tats ?? {})) {
    const tat = moved(state.tatMs[bucket as BucketName], instantChange);
    if (tat === undefined) return undefined;
    next.tatMs[bucket as BucketName] = tat;
  }
  if (change.line) {
    const line = moved(state.lineMs, change.line);
    if (line === undefined) return undefined;
    next.lineMs = line;
  }
  return next;
}

function moved(instant: number | undefined, change: InstantChange): number | undefined {
  if ('set' in change) return instant === undefined || instant < change.below ? change.set : undefined;
  return instant !== undefined && change.from <= instant && instant <= change.to ? instant + change.add : undefined;
}

/** A call as far as limits count it. */
export interface RateCall {
  /** Upper estimate: the input, and the output tokens that the answer may have. */
  tokens: number;
  /** Limits of the run's own settings, null for none. The lower of these and the announced ones counts. */
  requestsPerMinute: number | null;
  tokensPerMinute: number | null;
  /** Whether it was sent to the end of the line before: it then goes before calls that ask for the first time. @default false */
  hasWaited?: boolean | undefined;
}

export const amountOf = (call: RateCall, bucket: BucketName) => (bucket === 'requests' || bucket === 'dailyRequests' ? 1 : call.tokens);

const grown = ({ factor, atMs }: Share, growthPerMs: number, nowMs: number) =>
  Math.min(1, factor * Math.exp(growthPerMs * Math.max(0, nowMs - atMs)));

/** The shared rate after a `slow_down`, as a part of the limits. */
export const slowDownFactor = (state: RateTerms, nowMs: number) => grown(state.slowDown, SLOW_DOWN_GROWTH_PER_MS, nowMs);
export const shortfallFactor = (state: RateTerms, nowMs: number) => grown(state.shortfall, SHORTFALL_GROWTH_PER_MS, nowMs);
export const lowered = (factor: number, nowMs: number): Share => ({ factor: Math.max(MIN_FACTOR, factor), atMs: nowMs });

/** Milliseconds of each limited bucket's time that one unit of it costs; buckets without a limit are left out. */
export function unitCosts(state: RateTerms, call: RateCall, nowMs: number): PerBucket {
  const factor = slowDownFactor(state, nowMs) * shortfallFactor(state, nowMs);
  const configured: PerBucket = {
    ...(call.requestsPerMinute !== null && { requests: call.requestsPerMinute }),
    ...(call.tokensPerMinute !== null && { tokens: call.tokensPerMinute }),
  };
  const costs: PerBucket = {};
  for (const bucket of bucketNames) {
    const limit = Math.min(state.limits[bucket] ?? Number.POSITIVE_INFINITY, configured[bucket] ?? Number.POSITIVE_INFINITY);
    if (limit < Number.POSITIVE_INFINITY) costs[bucket] = windowMs[bucket] / (limit * factor);
  }
  return costs;
}

/** When a call may start, and what it takes. */
export interface Slot {
  startMs: number;
  /** When each bucket holds enough for it. */
  readyMs: PerBucket;
  /** Where each bucket stands once the slot is taken. */
  tatMs: PerBucket;
  /** What it takes from each limited bucket, and what one unit costs there. */
  costMs: PerBucket;
  unitCostMs: PerBucket;
}

/** Every slot that a bucket has left when it is full, in its own time. */
const capacityMs = (bucket: BucketName) => windowMs[bucket] - FULL_BAND_MS - HEADROOM_MS;

/** The slots of calls taken one after the other from buckets at `tatMs`, which must hold every limited bucket. */
export function slotsFrom(tatMs: PerBucket, state: RateTerms, calls: readonly RateCall[], nowMs: number): Slot[] {
  const current = { ...tatMs };
  return calls.map((call) => {
    const unitCostMs = unitCosts(state, call, nowMs);
    const readyMs: PerBucket = {};
    const costMs: PerBucket = {};
    for (const [name, unitMs] of Object.entries(unitCostMs)) {
      const bucket = name as BucketName;
      const tat = current[bucket]!;
      // Larger than the whole bucket: it goes when the bucket is full, and never waits for ever.
      const cost = micro(Math.min(amountOf(call, bucket) * unitMs, windowMs[bucket]));
      costMs[bucket] = cost;
      readyMs[bucket] = tat + Math.min(cost, capacityMs(bucket)) + HEADROOM_MS;
      current[bucket] = tat + cost;
    }
    const startMs = Math.max(nowMs, state.pausedUntilMs, ...Object.values(readyMs));
    return { startMs, readyMs, tatMs: { ...current }, costMs, unitCostMs };
  });
}

/** A table keeps instants to the microsecond. */
export const micro = (milliseconds: number) => Math.round(milliseconds * 1000) / 1000;

export interface ReservationPlan {
  slots: Slot[];
  /** How many of the calls, from the first, have a slot near enough to be given away. */
  granted: number;
  /** What takes these slots; undefined where nothing limits them. It holds until the terms change or the slots move too far away. */
  change: RateChange | undefined;
  /** What the granted calls take from each bucket, without corrections. */
  takenMs: PerBucket;
}

/**
 * The slots of a group of calls, and the change that takes those that start within MAX_INLINE_WAIT_SECONDS.
 * @param heldMs corrections of earlier estimates, to be applied with the change.
 */
export function planReservation(state: RateState, calls: readonly RateCall[], heldMs: PerBucket, nowMs: number): ReservationPlan {
  const base: PerBucket = {};
  for (const bucket of bucketNames) {
    const held = heldMs[bucket] ?? 0;
    base[bucket] = isFull(state, bucket, nowMs) ? fullMs(bucket, nowMs) + FULL_BAND_MS + Math.max(0, held) : state.tatMs[bucket]! + held;
  }
  const slots = slotsFrom(base, state, calls, nowMs);
  const isLine = state.lineMs > nowMs + HORIZON_MS;
  const horizonsMs = calls.map((call) => nowMs + (isLine && !call.hasWaited ? NEWCOMER_HORIZON_MS : HORIZON_MS));
  const late = slots.findIndex((slot, index) => slot.startMs > horizonsMs[index]!);
  const given = late < 0 ? slots : slots.slice(0, late);
  const takenMs: PerBucket = {};
  const tats: NonNullable<RateChange['tats']> = {};
  for (const bucket of bucketNames) {
    const last = given.findLast((slot) => bucket in slot.costMs);
    if (!last) continue;
    takenMs[bucket] = micro(last.tatMs[bucket]! - base[bucket]!);
    if (isFull(state, bucket, nowMs)) {
      tats[bucket] = { set: micro(last.tatMs[bucket]!), below: fullMs(bucket, nowMs) };
      continue;
    }
    // Others may take slots before this change does: it holds as long as its own still start within the horizon.
    const roomMs = Math.min(...given.map((slot, index) => horizonsMs[index]! - (slot.readyMs[bucket] ?? nowMs)));
    tats[bucket] = {
      add: micro(takenMs[bucket] + (heldMs[bucket] ?? 0)),
      from: fullMs(bucket, nowMs),
      to: micro(state.tatMs[bucket]! + roomMs),
    };
  }
  const isLimited = Object.keys(tats).length > 0;
  return { slots, granted: given.length, change: isLimited ? { nowMs, tats, revision: state.revision } : undefined, takenMs };
}

/** Before this instant a bucket has been full for a while. */
const fullMs = (bucket: BucketName, nowMs: number) => nowMs - windowMs[bucket];

function isFull(state: RateState, bucket: BucketName, nowMs: number): boolean {
  const tat = state.tatMs[bucket];
  return tat === undefined || tat < fullMs(bucket, nowMs);
}

/** The slots that a planned change has given, after others' changes in between. */
export function slotsGiven(state: RateState, calls: readonly RateCall[], takenMs: PerBucket, nowMs: number): Slot[] {
  const base: PerBucket = {};
  for (const bucket of Object.keys(takenMs) as BucketName[]) base[bucket] = micro(state.tatMs[bucket]! - takenMs[bucket]!);
  return slotsFrom(base, state, calls, nowMs);
}

/** Longest line beyond the next free slot: more would be too long to find out that those in front have given up. */
const MAX_LINE_MS = 120_000;
/** A wait from here on does not come from a line: a pause, or a limit per day. No place in line would make it shorter. */
const LONG_WAIT_MS = 60_000;

export interface Refusals {
  /** Until each call should ask again: its expected start, less what it can then sit out. */
  askAgainMs: number[];
  /** What puts the calls at the end of the line; undefined where that does not move. */
  line: InstantChange | undefined;
}

/**
 * When calls without a slot should ask again. All who wait form one line, spaced by what their calls cost, so that about as many ask
 * as there are slots, however many wait. The line only advises: whoever asks and finds a slot takes it.
 */
export function planRefusals({ lineMs, pausedUntilMs }: RateState, slots: readonly Slot[], nowMs: number): Refusals {
  const headMs = Math.max(nowMs + HORIZON_MS, pausedUntilMs);
  let endMs = Math.max(lineMs, headMs);
  const askAgainMs = slots.map((slot) => {
    const slotMs = slot.startMs - HORIZON_MS - nowMs;
    if (slotMs > LONG_WAIT_MS) return slotMs;
    endMs = Math.min(endMs + Math.max(0, ...Object.values(slot.costMs)), Math.max(headMs + MAX_LINE_MS, lineMs));
    return Math.max(slotMs, endMs - HORIZON_MS - nowMs);
  });
  const movedMs = micro(endMs - Math.max(lineMs, headMs));
  if (movedMs <= 0) return { askAgainMs, line: undefined };
  return {
    askAgainMs,
    line: lineMs < headMs ? { set: micro(endMs), below: headMs } : { add: movedMs, from: headMs, to: NEVER_MS },
  };
}
