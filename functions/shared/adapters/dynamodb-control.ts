import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { BUDGET_EXCEEDED, type Control, DAILY_BUDGET_EXCEEDED, type SpendDecision } from '../ports.ts';

/** Days after its last call for which a run's item is kept (the table's TTL attribute is `expiresAt`). */
const RETENTION_SECONDS = 90 * 86_400;

/** Integers have no drift: a thousand calls add up to exactly their sum. A token costs 50 of these or more. */
const NANO_PER_USD = 1_000_000_000;
const nanoUsd = (usd: number) => Math.round(usd * NANO_PER_USD);

const haltAttribute = (attempt: number) => `halt_${attempt}`;
const countAttributes = (attempt: number) => ({ '#summarized': `summarized_${attempt}`, '#failed': `failed_${attempt}` });

export interface DynamoDbControlOptions {
  /** Milliseconds since the epoch. @default Date.now */
  now?: () => number;
  /** Dollars that all runs of one UTC day may cost together. @default null: no cap */
  maxCostUsdPerDay?: number | null;
}

/**
 * What the workers of a run share, in one item `run#<runId>` (partition key `pk`, a string):
 * `spentNano` (integer billionths of a dollar, reservations included), `reservedNano` (of calls in flight), `halt_<attempt>` (the stop
 * reason), `summarized_<attempt>` and `failed_<attempt>` (the first batches by their fate) and `expiresAt`. Under a cap on the day all runs share an item
 * `day#<date>` with `spentNano`, `reservedNano` and `expiresAt`; without one nothing is written there.
 *
 * Additions are not idempotent: when an answer is lost and the SDK repeats the request, one call counts twice,
 * which moves the total by one call's reservation at most. A worker that dies between reserve and settle leaves its reservation in the totals.
 */
export function dynamoDbControl(
  client: DynamoDBClient,
  tableName: string,
  { now = Date.now, maxCostUsdPerDay = null }: DynamoDbControlOptions = {},
): Control {
  const runKey = (runId: string) => ({ pk: { S: `run#${runId}` } });
  const dayKey = (day: string) => ({ pk: { S: `day#${day}` } });
  type Key = ReturnType<typeof runKey>;
  const expiresAt = () => ({ N: String(Math.floor(now() / 1000) + RETENTION_SECONDS) });

  async function read(key: Key): Promise<Record<string, AttributeValue> | undefined> {
    const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key: key, ConsistentRead: true }));
    return Item;
  }

  interface Reservation {
    reserveUsd: number;
    capUsd: number | null;
    /** Stop reason of whoever comes to the cap for good. */
    heldBy: string;
    /** Attribute whose presence refuses the reservation, with its text as the reason. */
    halt?: string;
  }

  /** Adds a reservation to an item in one step, if it fits. */
  async function reserveIn(key: Key, { reserveUsd, capUsd, heldBy, halt }: Reservation): Promise<SpendDecision> {
    const room = capUsd === null ? undefined : nanoUsd(capUsd) - nanoUsd(reserveUsd);
    // A condition cannot add, so the cap is compared less the reservation; an item that is not there has spent nothing.
    const fits = room === undefined ? [] : [room < 0 ? '#spent <= :room' : '(attribute_not_exists(#spent) OR #spent <= :room)'];
    const conditions = [...(halt === undefined ? [] : ['attribute_not_exists(#halt)']), ...fits];
    try {
      await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: key,
          UpdateExpression: 'SET #expires = :expires ADD #spent :reserve, #reserved :reserve',
          ...(conditions.length > 0 && { ConditionExpression: conditions.join(' AND ') }),
          ExpressionAttributeNames: {
            '#spent': 'spentNano',
            '#reserved': 'reservedNano',
            '#expires': 'expiresAt',
            ...(halt !== undefined && { '#halt': halt }),
          },
          ExpressionAttributeValues: {
            ':reserve': { N: String(nanoUsd(reserveUsd)) },
            ':expires': expiresAt(),
            ...(room === undefined ? {} : { ':room': { N: String(room) } }),
          },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      return { granted: true };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      const item = error.Item ?? (await read(key));
      const stopReason = halt === undefined ? undefined : item?.[halt]?.S;
      if (stopReason !== undefined) return { granted: false, stopReason };
      const settledNano = Number(item?.spentNano?.N ?? 0) - Number(item?.reservedNano?.N ?? 0);
      return room !== undefined && settledNano <= room
        ? { granted: false, stopReason: null, heldBy }
        : { granted: false, stopReason: heldBy };
    }
  }

  async function settleIn(key: Key, reserveUsd: number, spentUsd: number): Promise<void> {
    await client.send(
      new UpdateItemCommand({
        TableName: tableName,
        Key: key,
        UpdateExpression: 'SET #expires = :expires ADD #spent :difference, #reserved :release',
        ExpressionAttributeNames: { '#spent': 'spentNano', '#reserved': 'reservedNano', '#expires': 'expiresAt' },
        ExpressionAttributeValues: {
          ':difference': { N: String(nanoUsd(spentUsd) - nanoUsd(reserveUsd)) },
          ':release': { N: String(-nanoUsd(reserveUsd)) },
          ':expires': expiresAt(),
        },
      }),
    );
  }

  return {
    async reserve({ runId, attempt, reserveUsd, capUsd, day }) {
      const key = runKey(runId);
      const ofRun = await reserveIn(key, { reserveUsd, capUsd, heldBy: BUDGET_EXCEEDED, halt: haltAttribute(attempt) });
      if (!ofRun.granted || maxCostUsdPerDay === null) return ofRun;
      let isGranted = false;
      try {
        const ofDay = await reserveIn(dayKey(day), { reserveUsd, capUsd: maxCostUsdPerDay, heldBy: DAILY_BUDGET_EXCEEDED });
        isGranted = ofDay.granted;
        return ofDay;
      } finally {
        if (!isGranted) await settleIn(key, reserveUsd, 0);
      }
    },

    async settle({ runId, reserveUsd, day }, spentUsd) {
      await settleIn(runKey(runId), reserveUsd, spentUsd);
      if (maxCostUsdPerDay !== null) await settleIn(dayKey(day), reserveUsd, spentUsd);
    },

    async halt(runId, attempt, stopReason) {
      await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: runKey(runId),
          UpdateExpression: 'SET #halt = if_not_exists(#halt, :reason), #expires = :expires',
          ExpressionAttributeNames: { '#halt': haltAttribute(attempt), '#expires': 'expiresAt' },
          ExpressionAttributeValues: { ':reason': { S: stopReason }, ':expires': expiresAt() },
        }),
      );
    },

    async count(runId, attempt, hasSummary) {
      const names = countAttributes(attempt);
      const { Attributes } = await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: runKey(runId),
          UpdateExpression: 'SET #expires = :expires ADD #summarized :summarized, #failed :failed',
          ExpressionAttributeNames: { ...names, '#expires': 'expiresAt' },
          ExpressionAttributeValues: {
            ':summarized': { N: hasSummary ? '1' : '0' },
            ':failed': { N: hasSummary ? '0' : '1' },
            ':expires': expiresAt(),
          },
          ReturnValues: 'UPDATED_NEW',
        }),
      );
      const countOf = (name: string) => Number(Attributes?.[name]?.N ?? 0);
      return { summarized: countOf(names['#summarized']), failed: countOf(names['#failed']) };
    },

    async stopReason(runId, attempt) {
      return (await read(runKey(runId)))?.[haltAttribute(attempt)]?.S;
    },
  };
}
