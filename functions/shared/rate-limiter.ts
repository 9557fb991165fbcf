import { MAX_INLINE_WAIT_SECONDS } from './limits.ts';
import type { RateDecision, RateLimiter } from './ports.ts';
import { changeByAnswer, type RateReservation } from './rate-feedback.ts';
import {
  freshState,
  LONG_AGO_MS,
  latestClockMs,
  micro,
  NEVER_MS,
  planRefusals,
  planReservation,
  type RateCall,
  type RateChange,
  type RateState,
  slotsGiven,
  unitCosts,
} from './rate-limit.ts';

/** Where the states of all endpoints and models lie. */
export interface RateTable {
  /** @returns the state, as of now and not a moment ago; undefined where nobody has written one. */
  read(key: string): Promise<RateState | undefined>;
  /** Changes the state in one atomic step, or not at all where a condition of the change does not hold. @returns the state that stands then. */
  update(key: string, change: RateChange): Promise<{ isApplied: boolean; state: RateState | undefined }>;
}

export interface RateLimiterOptions {
  /** Milliseconds since the epoch. @default Date.now */
  now?: (() => number) | undefined;
  /** In [0, 1). @default Math.random */
  random?: (() => number) | undefined;
}

/** The item of one endpoint and model; the endpoint as normalizeEndpoint returns it. */
export const rateKey = (endpoint: string, model: string) => `rate#${endpoint}#${model}`;

/** Steps that failed because others were faster; each repetition works on what they left. */
const MAX_TRIES = 8;
/** Where nothing is limited nothing needs to be written, only looked at now and then. */
const UNLIMITED_READ_MS = 5_000;
/** An older state is read anew before a step is computed from it: a read is a fifth of the price of a step that fails. */
const FRESH_MS = 1_000;
/** Answers that only lower a bucket are looked at this often in one process. */
const OBSERVE_EVERY_MS = 1_000;
/** Those whom a pause holds start within this time after it. */
const PAUSE_SPREAD_SECONDS = 1;

interface Asking {
  call: RateCall;
  resolve: (decision: RateDecision) => void;
  reject: (error: unknown) => void;
}

interface Lane {
  state: RateState | undefined;
  readAtMs: number;
  observedAtMs: number;
  asking: Asking[];
  isServing: boolean;
  /** Corrections of the tokens bucket that wait for the next step. */
  heldMs: { tokens: number; dailyTokens: number };
}

/**
 * The rate limiter of one process on a shared table. Calls that ask at the same time share one step, and in the steady state a step is one
 * conditional update computed from the state that the last one returned: slots are taken by additions, which do not disturb each other.
 *
 * Clocks: all workers use the latest clock among them. Who finds an item written by a later clock sets its own forward by the difference,
 * so differing clocks cost nothing but a single jump, in which allowance is given out early: as many seconds' worth as the clocks
 * differ by, of which the headroom covers the first 3 and a full bucket is the most.
 */
export function rateLimiter(table: RateTable, { now = Date.now, random = Math.random }: RateLimiterOptions = {}): RateLimiter {
  const lanes = new Map<string, Lane>();
  let aheadMs = 0;
  const clockMs = () => now() + aheadMs;

  function laneOf(key: string): Lane {
    let lane = lanes.get(key);
    if (!lane) {
      const heldMs = { tokens: 0, dailyTokens: 0 };
      lane = { state: undefined, readAtMs: 0, observedAtMs: 0, asking: [], isServing: false, heldMs };
      lanes.set(key, lane);
    }
    return lane;
  }

  /** Remembers a state just seen, and takes up a later clock. */
  function seen(lane: Lane, state: RateState | undefined): RateState {
    lane.state = state ?? freshState;
    lane.readAtMs = now();
    if (lane.state.clockMs > latestClockMs(clockMs())) aheadMs = lane.state.clockMs - now();
    return lane.state;
  }

  const read = async (key: string, lane: Lane) => seen(lane, await table.read(key));

  async function update(key: string, lane: Lane, change: RateChange): Promise<{ isApplied: boolean; state: RateState }> {
    const { isApplied, state } = await table.update(key, change);
    return { isApplied, state: seen(lane, state) };
  }

  /** Groups of those who ask, one after the other: whoever asks during a step is in the next group. */
  async function serveAll(key: string, lane: Lane): Promise<void> {
    lane.isServing = true;
    // Everybody who asks in this turn of the event loop belongs to the first group.
    await Promise.resolve();
    while (lane.asking.length > 0) {
      const group = lane.asking.splice(0).sort((a, b) => Number(b.call.hasWaited ?? false) - Number(a.call.hasWaited ?? false));
      try {
        await serve(key, lane, group);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    lane.isServing = false;
  }

  async function serve(key: string, lane: Lane, group: Asking[]): Promise<void> {
    let asking = group;
    let state = await freshEnough(key, lane, group);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const nowMs = clockMs();
      const calls = asking.map(({ call }) => call);
      const heldMs = { ...lane.heldMs };
      const plan = planReservation(state, calls, heldMs, nowMs);
      if (plan.granted > 0) {
        let { slots } = plan;
        if (plan.change) {
          const step = await update(key, lane, plan.change);
          state = step.state;
          if (!step.isApplied) continue;
          written(lane, heldMs, plan.takenMs);
          slots = slotsGiven(state, calls.slice(0, plan.granted), plan.takenMs, nowMs);
        }
        for (const { call, resolve } of asking.slice(0, plan.granted)) {
          resolve(granted({ key, call, reservedAtMs: nowMs, slot: slots.shift()! }, state));
        }
        asking = asking.slice(plan.granted);
        if (asking.length === 0) return;
        continue;
      }
      const { askAgainMs, line } = planRefusals(state, plan.slots, nowMs);
      let othersMs = 0;
      if (line) {
        const tats = corrections(heldMs, state);
        const step = await update(key, lane, { nowMs, line, tats, revision: state.revision });
        // Where others have joined the line in between, they stand before this group.
        othersMs = 'add' in line && step.isApplied ? step.state.lineMs - state.lineMs - line.add : 0;
        state = step.state;
        if (!step.isApplied) continue;
        written(lane, heldMs, tats);
        // The step has shown the latest state, in which corrections may have freed a slot.
        if (planReservation(state, calls, lane.heldMs, nowMs).granted > 0) continue;
      }
      for (const [index, { resolve }] of asking.entries()) resolve(turnedAway(askAgainMs[index]! + othersMs));
      return;
    }
    // Only an item on which everybody's steps keep failing comes here.
    for (const { resolve } of asking) resolve(turnedAway(1_000));
  }

  async function freshEnough(key: string, lane: Lane, asking: readonly Asking[]): Promise<RateState> {
    const { state } = lane;
    if (!state) return read(key, lane);
    const isLimited = asking.some(({ call }) => Object.keys(unitCosts(state, call, clockMs())).length > 0);
    return now() - lane.readAtMs > (isLimited ? FRESH_MS : UNLIMITED_READ_MS) ? read(key, lane) : state;
  }

  function granted(reservation: RateReservation, state: RateState): RateDecision {
    const { startMs } = reservation.slot;
    const spreadSeconds = startMs === state.pausedUntilMs ? random() * PAUSE_SPREAD_SECONDS : 0;
    const waitSeconds = Math.max(0, startMs - clockMs()) / 1000 + spreadSeconds;
    return { reserved: true, waitSeconds: Math.min(waitSeconds, MAX_INLINE_WAIT_SECONDS), reservation };
  }

  /** A little random, so that those who were refused together do not come back together. */
  function turnedAway(askAgainMs: number): RateDecision {
    return { reserved: false, waitSeconds: Math.max(1, Math.ceil((askAgainMs / 1000) * (1 + 0.1 * random()))) };
  }

  return {
    reserve(key, call) {
      const lane = laneOf(key);
      return new Promise((resolve, reject) => {
        lane.asking.push({ call, resolve, reject });
        if (!lane.isServing) void serveAll(key, lane);
      });
    },

    async settle(reservation, { countedTokens, ...answer }) {
      const { key, call, slot } = reservation;
      const lane = laneOf(key);
      if (countedTokens !== null) {
        for (const bucket of tokenBuckets) {
          const unitMs = slot.unitCostMs[bucket];
          if (unitMs !== undefined) lane.heldMs[bucket] += micro((countedTokens - call.tokens) * unitMs);
        }
      }
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const change = changeByAnswer(lane.state ?? freshState, reservation, answer, clockMs());
        if (!change) return;
        if (!change.terms) {
          if (now() - lane.observedAtMs < OBSERVE_EVERY_MS) return;
          lane.observedAtMs = now();
        }
        if ((await update(key, lane, change)).isApplied) return;
      }
    },

    async flush() {
      await Promise.all([...lanes].map(([key, lane]) => flushLane(key, lane)));
    },
  };

  async function flushLane(key: string, lane: Lane): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const heldMs = { ...lane.heldMs };
      const tats = corrections(heldMs, lane.state ?? freshState);
      if (Object.keys(tats).length === 0) return;
      if ((await update(key, lane, { nowMs: clockMs(), tats })).isApplied) written(lane, heldMs, tats);
    }
  }
}

const tokenBuckets = ['tokens', 'dailyTokens'] as const;

/** A bucket that nobody has taken from has nothing to correct. */
function corrections(heldMs: Lane['heldMs'], state: RateState): NonNullable<RateChange['tats']> {
  const held = tokenBuckets.filter((bucket) => heldMs[bucket] !== 0 && state.tatMs[bucket] !== undefined);
  return Object.fromEntries(held.map((bucket) => [bucket, { add: heldMs[bucket], from: LONG_AGO_MS, to: NEVER_MS }]));
}

/** More may have been held back while a step wrote `heldMs`. */
function written(lane: Lane, heldMs: Lane['heldMs'], touched: object): void {
  for (const bucket of tokenBuckets) if (bucket in touched) lane.heldMs[bucket] = micro(lane.heldMs[bucket] - heldMs[bucket]);
}
