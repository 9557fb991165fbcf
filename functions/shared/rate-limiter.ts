import type { RateDecision, RateLimiter } from './ports.ts';
import { changeByAnswer, type RateReservation } from './rate-feedback.ts';
import {
  freshState,
  LONG_AGO_MS,
  latestClockMs,
  micro,
  NEVER_MS,
  planRefusal,
  planReservation,
  type RateCall,
  type RateChange,
  type RateState,
  type Slot,
  slotsGiven,
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
/** A wait of minutes is not told from a state older than this. */
const LONG_WAIT_READ_MS = 1_000;
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
  const isOlder = (lane: Lane, ageMs: number) => now() - lane.readAtMs > ageMs;

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
      const group = lane.asking.splice(0);
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
    let state = lane.state ?? (await read(key, lane));
    for (let tries = 0; asking.length > 0 && tries < MAX_TRIES; tries++) {
      const nowMs = clockMs();
      const calls = asking.map(({ call }) => call);
      const heldMs = { ...lane.heldMs };
      const plan = planReservation(state, calls, heldMs, nowMs);
      if (plan.granted > 0) {
        let slots = plan.slots;
        if (plan.change) {
          const step = await update(key, lane, plan.change);
          state = step.state;
          if (!step.isApplied) continue;
          for (const bucket of ['tokens', 'dailyTokens'] as const) {
            if (bucket in plan.takenMs) lane.heldMs[bucket] = micro(lane.heldMs[bucket] - heldMs[bucket]);
          }
          slots = slotsGiven(state, calls.slice(0, plan.granted), plan.takenMs, nowMs);
        } else if (isOlder(lane, UNLIMITED_READ_MS)) {
          state = await read(key, lane);
          continue;
        }
        for (const [index, { call, resolve }] of asking.slice(0, plan.granted).entries()) {
          resolve(granted({ key, call, reservedAtMs: nowMs, slot: slots[index]! }, state));
        }
        asking = asking.slice(plan.granted);
      } else {
        const step = await refuse(key, lane, asking, plan.slots, state, nowMs);
        state = step.state;
        asking = step.asking;
      }
    }
    // Only an item on which everybody's steps keep failing comes here.
    for (const { resolve } of asking) resolve({ reserved: false, waitSeconds: 1 + Math.round(random()) });
  }

  function granted(reservation: RateReservation, state: RateState): RateDecision {
    const { startMs } = reservation.slot;
    const spreadSeconds = startMs === state.pausedUntilMs ? random() * PAUSE_SPREAD_SECONDS : 0;
    return { reserved: true, waitSeconds: Math.max(0, startMs - clockMs()) / 1000 + spreadSeconds, reservation };
  }

  /** Sends a group that found no slot to the end of the line. @returns those who must be looked at again, as the state was not the latest. */
  async function refuse(key: string, lane: Lane, asking: Asking[], slots: Slot[], state: RateState, nowMs: number) {
    const first = planRefusal(state, slots[0]!, nowMs);
    if (!first.line) {
      if (isOlder(lane, LONG_WAIT_READ_MS)) return { state: await read(key, lane), asking };
      turnAway(
        asking,
        asking.map(() => first.askAgainMs),
      );
      return { state, asking: [] };
    }
    // One step for the whole group: its first member moves the line for all of them.
    const waits: number[] = [];
    let line = state.lineMs;
    for (const slot of slots) {
      const refusal = planRefusal({ ...state, lineMs: line }, slot, nowMs);
      waits.push(refusal.askAgainMs);
      if (refusal.line) line = 'set' in refusal.line ? refusal.line.set : line + refusal.line.add;
    }
    const change = 'set' in first.line ? { ...first.line, set: micro(line) } : { ...first.line, add: micro(line - state.lineMs) };
    const step = await update(key, lane, { nowMs, line: change, revision: state.revision });
    if (!step.isApplied) return { state: step.state, asking };
    // The step has shown the latest state, and corrections may have freed a slot in the meantime.
    const calls = asking.map(({ call }) => call);
    if (planReservation(step.state, calls, lane.heldMs, nowMs).granted > 0) return { state: step.state, asking };
    const aheadOfUsMs = step.state.lineMs - line;
    turnAway(
      asking,
      waits.map((wait) => wait + aheadOfUsMs),
    );
    return { state: step.state, asking: [] };
  }

  /** A little random, so that those who were refused together do not come back together. */
  function turnAway(asking: Asking[], waitsMs: number[]): void {
    for (const [index, { resolve }] of asking.entries()) {
      resolve({ reserved: false, waitSeconds: Math.max(1, Math.ceil((waitsMs[index]! / 1000) * (1 + 0.1 * random()))) });
    }
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
        for (const bucket of ['tokens', 'dailyTokens'] as const) {
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

  /** A bucket that nobody has taken from has nothing to correct, so that a step which fails for its absence loses nothing. */
  async function flushLane(key: string, lane: Lane): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const held = (['tokens', 'dailyTokens'] as const).filter((bucket) => lane.heldMs[bucket] !== 0);
      if (held.length === 0) return;
      const amounts = { ...lane.heldMs };
      const tats = Object.fromEntries(held.map((bucket) => [bucket, { add: micro(amounts[bucket]), from: LONG_AGO_MS, to: NEVER_MS }]));
      if (!(await update(key, lane, { nowMs: clockMs(), tats })).isApplied) continue;
      for (const bucket of held) lane.heldMs[bucket] = micro(lane.heldMs[bucket] - amounts[bucket]);
    }
  }
}
