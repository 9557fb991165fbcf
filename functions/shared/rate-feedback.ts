import type { ProviderLimit, ProviderLimits } from './rate-headers.ts';
import {
  amountOf,
  type BucketName,
  bucketNames,
  HEADROOM_MS,
  LONG_AGO_MS,
  lowered,
  micro,
  NEVER_MS,
  type RateCall,
  type RateChange,
  type RateState,
  type RateTerms,
  type Slot,
  shortfallFactor,
  slowDownFactor,
  unitCosts,
  windowMs,
} from './rate-limit.ts';

/** A slot that was given, kept until the call has ended. */
export interface RateReservation {
  readonly key: string;
  readonly call: RateCall;
  readonly reservedAtMs: number;
  readonly slot: Slot;
}

/** What the endpoint said to a call. */
export interface RateAnswer {
  limits: ProviderLimits | null;
  /** Set for a 429. */
  refusal?: { retryAfterSeconds: number; isSlowDown: boolean };
}

/** The endpoint may have this much less left than we believe before it counts: headers are whole numbers and answers take time. */
const MARGIN_MS = 1_000;
/** Two shortfalls further apart than this are two incidents, not somebody who keeps taking. */
const INCIDENT_MS = 60_000;
/** A shortfall that would stop everybody for longer is believed in steps. */
const MAX_SHORTFALL_MS = 10_000;
/** So long a halved rate is tried before another `slow_down` counts. */
const SLOW_DOWN_TRIAL_MS = 60_000;
/** Pauses that end this close to each other are one. */
const SAME_PAUSE_MS = 250;
/** The longest pause for everybody that one refusal may cause. */
const MAX_PAUSE_MS = 15 * 60_000;

/**
 * What an answer changes for everybody, undefined if it only confirms what is known.
 *
 * - Limits that are new or have changed are learned, with what the endpoint says is left.
 * - Where calls do not use the limits up, a bucket that the endpoint has emptied further than we have is set to what it says.
 * - Where calls are paced, a bucket that is found below its headroom is in use by others too (or their counts differ from ours): what is
 *   missing is taken off, and if that happens again within a minute, the shared rate falls by the part that was missing. Only an answer
 *   to a call that was reserved after the last such step says something new.
 * - A 429 pauses everybody. `slow_down` halves the shared rate, at most once a minute: the calls that were under way say it too.
 *
 * Nothing here gives allowance back: an answer that says more is left may have been overtaken by calls under way.
 */
export function changeByAnswer(
  state: RateState,
  { call, slot, reservedAtMs }: RateReservation,
  { limits, refusal }: RateAnswer,
  nowMs: number,
): RateChange | undefined {
  const terms: Partial<RateTerms> = {};
  const tats: NonNullable<RateChange['tats']> = {};
  const learned = learnedLimits(state.limits, limits);
  if (learned) terms.limits = learned;

  const unitCostMs = unitCosts({ ...state, ...terms }, call, nowMs);
  let missingMs = 0;
  for (const [bucket, { remaining }] of announced(limits)) {
    const unitMs = unitCostMs[bucket];
    if (unitMs === undefined) continue;
    const amount = amountOf(call, bucket);
    const isShort = refusal && remaining < amount;
    // `remaining` is rounded down.
    const left = isShort ? remaining - amount : remaining + 1;
    const wasPaced = bucket in slot.readyMs && slot.startMs - slot.readyMs[bucket]! < MARGIN_MS;
    if (wasPaced && state.tatMs[bucket] !== undefined) {
      const shortMs = Math.min(HEADROOM_MS - left * unitMs, MAX_SHORTFALL_MS);
      if (shortMs < MARGIN_MS || reservedAtMs < state.shortfall.atMs + MARGIN_MS) continue;
      missingMs = Math.max(missingMs, shortMs);
      tats[bucket] = { add: micro(shortMs), from: LONG_AGO_MS, to: NEVER_MS };
    } else {
      const believedMs = state.tatMs[bucket];
      const leftMs = Math.min(Math.max(believedMs === undefined ? remaining : left, 0) * unitMs, windowMs[bucket]);
      const tatMs = slot.startMs - leftMs;
      // A bucket that is more than half full holds nobody up, whoever has taken from it.
      const isBelievedFuller = leftMs < windowMs[bucket] / 2 && believedMs !== undefined && believedMs < tatMs - MARGIN_MS;
      if (believedMs === undefined || isBelievedFuller) tats[bucket] = { set: micro(tatMs), below: micro(tatMs - MARGIN_MS) };
    }
  }
  if (missingMs > 0) {
    const sinceMs = nowMs - state.shortfall.atMs;
    const missingPart = sinceMs < INCIDENT_MS ? Math.min(0.5, missingMs / Math.max(1, sinceMs)) : 0;
    terms.shortfall = lowered(shortfallFactor(state, nowMs) * (1 - missingPart), nowMs);
  }
  if (refusal) {
    // Nobody believes a pause of hours without asking again now and then: it may have been about another limit, or be lifted.
    const untilMs = nowMs + Math.min(refusal.retryAfterSeconds * 1000, MAX_PAUSE_MS);
    if (untilMs > state.pausedUntilMs + SAME_PAUSE_MS) terms.pausedUntilMs = micro(untilMs);
    if (refusal.isSlowDown && reservedAtMs >= state.slowDown.atMs + SLOW_DOWN_TRIAL_MS)
      terms.slowDown = lowered(slowDownFactor(state, nowMs) / 2, nowMs);
  }
  if (Object.keys(terms).length > 0) return { nowMs, tats, terms, revision: state.revision };
  return Object.keys(tats).length > 0 ? { nowMs, tats } : undefined;
}

/** Each announced limit with the bucket that it is about. */
function announced(limits: ProviderLimits | null): [BucketName, ProviderLimit][] {
  const pairs: [BucketName, ProviderLimit][] = [];
  if (limits?.requests) pairs.push([isDaily(limits.requests) ? 'dailyRequests' : 'requests', limits.requests]);
  if (limits?.tokens) pairs.push([isDaily(limits.tokens) ? 'dailyTokens' : 'tokens', limits.tokens]);
  return pairs;
}

/**
 * Whether a limit is one per day: the headers do not say, but the time until the bucket is full again does. Seen at OpenAI: a limit of
 * 1,500,000 tokens of which 4,379 were used, full in `4m12.172s`, is refilled in 86,380 s; 500 requests, 1 used, in 60 s.
 */
function isDaily({ limit, remaining, resetSeconds }: ProviderLimit): boolean {
  // A reset of milliseconds is rounded too much to tell, and short enough not to matter.
  if (resetSeconds === null || resetSeconds < 1 || remaining >= limit) return false;
  const fillSeconds = (resetSeconds * limit) / (limit - remaining);
  return fillSeconds > 43_200 && fillSeconds < 129_600;
}

const twin: Readonly<Record<BucketName, BucketName>> = {
  requests: 'dailyRequests',
  dailyRequests: 'requests',
  tokens: 'dailyTokens',
  dailyTokens: 'tokens',
};

/** The limits with what an answer announces, undefined where it says nothing new. */
function learnedLimits(known: RateTerms['limits'], limits: ProviderLimits | null): RateTerms['limits'] | undefined {
  const next = { ...known };
  for (const [bucket, { limit, remaining }] of announced(limits)) {
    // A full bucket does not tell its period: what is known of that number stands.
    if (remaining >= limit && known[twin[bucket]] === limit) continue;
    next[bucket] = limit;
    // The same number was taken for a limit of the other period before.
    if (next[twin[bucket]] === limit) delete next[twin[bucket]];
  }
  return bucketNames.some((bucket) => next[bucket] !== known[bucket]) ? next : undefined;
}
