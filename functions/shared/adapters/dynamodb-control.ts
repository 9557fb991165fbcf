import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { Control } from '../ports.ts';

/** Days after its last call for which a run's item is kept (the table's TTL attribute is `expiresAt`). */
const RETENTION_SECONDS = 90 * 86_400;

/** Integers have no drift: a thousand calls add up to exactly their sum. A token costs 50 of these or more. */
const NANO_PER_USD = 1_000_000_000;
const nanoUsd = (usd: number) => Math.round(usd * NANO_PER_USD);

const haltAttribute = (attempt: number) => `halt_${attempt}`;

/**
 * What the workers of a run share, in one item `run#<runId>` (partition key `pk`, a string):
 * `spentNano` (integer billionths of a dollar, reservations included), `halt_<attempt>` (the stop reason) and `expiresAt`.
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
            UpdateExpression: 'SET #expires = :expires ADD #spent :reserve',
            ConditionExpression: ['attribute_not_exists(#halt)', ...fits].join(' AND '),
            ExpressionAttributeNames: { '#spent': 'spentNano', '#halt': haltAttribute(attempt), '#expires': 'expiresAt' },
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
        return { granted: false, stopReason: item?.[haltAttribute(attempt)]?.S ?? 'budget_exceeded' };
      }
    },

    async settle({ runId, reserveUsd }, spentUsd) {
      await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: keyOf(runId),
          UpdateExpression: 'SET #expires = :expires ADD #spent :difference',
          ExpressionAttributeNames: { '#spent': 'spentNano', '#expires': 'expiresAt' },
          ExpressionAttributeValues: { ':difference': { N: String(nanoUsd(spentUsd) - nanoUsd(reserveUsd)) }, ':expires': expiresAt() },
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

    async stopReason(runId, attempt) {
      return (await read(runId))?.[haltAttribute(attempt)]?.S;
    },
  };
}
