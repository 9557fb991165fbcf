import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { BUDGET_EXCEEDED, type Control } from '../ports.ts';

/** Days after its last call for which a run's item is kept (the table's TTL attribute is `expiresAt`). */
const RETENTION_SECONDS = 90 * 86_400;

/** Integers have no drift: a thousand calls add up to exactly their sum. A token costs 50 of these or more. */
const NANO_PER_USD = 1_000_000_000;
const nanoUsd = (usd: number) => Math.round(usd * NANO_PER_USD);

const haltAttribute = (attempt: number) => `halt_${attempt}`;
const countAttributes = (attempt: number) => ({ '#summarized': `summarized_${attempt}`, '#failed': `failed_${attempt}` });

/**
 * What the workers of a run share, in one item `run#<runId>` (partition key `pk`, a string):
 * `spentNano` (integer billionths of a dollar, reservations included), `reservedNano` (of calls in flight), `halt_<attempt>` (the stop
 * reason), `summarized_<attempt>` and `failed_<attempt>` (the first batches by their fate) and `expiresAt`.
 *
 * Additions are not idempotent: when an answer is lost and the SDK repeats the request, one call counts twice,
 * which moves the total by one call's reservation at most. A worker that dies between reserve and settle leaves its reservation in the total.
 */
export function dynamoDbControl(client: DynamoDBClient, tableName: string, { now = Date.now }: { now?: () => number } = {}): Control {
  const keyOf = (runId: string) => ({ pk: { S: `run#${runId}` } });
  const expiresAt = () => ({ N: String(Math.floor(now() / 1000) + RETENTION_SECONDS) });

  async function read(runId: string): Promise<Record<string, AttributeValue> | undefined> {
    const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key: keyOf(runId), ConsistentRead: true }));
    return Item;
  }

  return {
    async reserve({ runId, attempt, reserveUsd, capUsd }) {
      const room = capUsd === null ? undefined : nanoUsd(capUsd) - nanoUsd(reserveUsd);
      // A condition cannot add, so the cap is compared less the reservation; a run without an item has spent nothing.
      const fits = room === undefined ? [] : [room < 0 ? '#spent <= :room' : '(attribute_not_exists(#spent) OR #spent <= :room)'];
      try {
        await client.send(
          new UpdateItemCommand({
            TableName: tableName,
            Key: keyOf(runId),
            UpdateExpression: 'SET #expires = :expires ADD #spent :reserve, #reserved :reserve',
            ConditionExpression: ['attribute_not_exists(#halt)', ...fits].join(' AND '),
            ExpressionAttributeNames: {
              '#spent': 'spentNano',
              '#reserved': 'reservedNano',
              '#halt': haltAttribute(attempt),
              '#expires': 'expiresAt',
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
        const item = error.Item ?? (await read(runId));
        const stopReason = item?.[haltAttribute(attempt)]?.S;
        if (stopReason !== undefined) return { granted: false, stopReason };
        const settledNano = Number(item?.spentNano?.N ?? 0) - Number(item?.reservedNano?.N ?? 0);
        return room !== undefined && settledNano <= room
          ? { granted: false, stopReason: null }
          : { granted: false, stopReason: BUDGET_EXCEEDED };
      }
    },

    async settle({ runId, reserveUsd }, spentUsd) {
      await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: keyOf(runId),
          UpdateExpression: 'SET #expires = :expires ADD #spent :difference, #reserved :release',
          ExpressionAttributeNames: { '#spent': 'spentNano', '#reserved': 'reservedNano', '#expires': 'expiresAt' },
          ExpressionAttributeValues: {
            ':difference': { N: String(nanoUsd(spentUsd) - nanoUsd(reserveUsd)) },
            ':release': { N: String(-nanoUsd(reserveUsd)) },
            ':expires': expiresAt(),
          },
        }),
      );
    },

    async halt(runId, attempt, stopReason) {
      await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: keyOf(runId),
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
          Key: keyOf(runId),
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
      return (await read(runId))?.[haltAttribute(attempt)]?.S;
    },
  };
}
