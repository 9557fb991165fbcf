import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { RateLimiter } from '../ports.ts';
import {
  type BucketName,
  bucketNames,
  freshState,
  type InstantChange,
  latestClockMs,
  type RateChange,
  type RateState,
} from '../rate-limit.ts';
import { type RateLimiterOptions, type RateTable, rateLimiter } from '../rate-limiter.ts';

/** Longer than any limit takes to refill and any lowered rate to recover; the table's TTL attribute is `expiresAt`. */
const RETENTION_SECONDS = 3 * 86_400;

const tatAttribute = (bucket: BucketName) => `${bucket}Tat`;
const limitAttribute = (bucket: BucketName) => `${bucket}Limit`;

/** The rate limiter of one process on the control table, one item (partition key `pk`, a string) per endpoint and model. */
export const dynamoDbRateLimiter = (client: DynamoDBClient, tableName: string, options?: RateLimiterOptions): RateLimiter =>
  rateLimiter(dynamoDbRateTable(client, tableName), options);

/**
 * Needs `dynamodb:UpdateItem` and, for a first look and for servers that do not return the item of a failed condition, `dynamodb:GetItem`.
 *
 * Additions are not idempotent: when an answer is lost and the SDK repeats the request, a slot is taken twice and left unused once.
 */
export function dynamoDbRateTable(client: DynamoDBClient, tableName: string): RateTable {
  async function read(key: string): Promise<RateState | undefined> {
    const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key: { pk: { S: key } }, ConsistentRead: true }));
    return Item && stateOf(Item);
  }

  return {
    read,
    async update(key, change) {
      const expression = new UpdateExpression();
      describe(change, expression);
      try {
        const { Attributes } = await client.send(
          new UpdateItemCommand({
            TableName: tableName,
            Key: { pk: { S: key } },
            ...expression.input(),
            ReturnValues: 'ALL_NEW',
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        return { isApplied: true, state: stateOf(Attributes!) };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        return { isApplied: false, state: error.Item ? stateOf(error.Item) : await read(key) };
      }
    },
  };
}

function describe(change: RateChange, expression: UpdateExpression): void {
  const { nowMs, tats = {}, line, revision, terms } = change;
  expression.set('clock', nowMs);
  expression.set('expiresAt', Math.floor(nowMs / 1000) + RETENTION_SECONDS);
  expression.requireMissingOr('clock', '<=', latestClockMs(nowMs));
  if (revision === 0) expression.requireMissing('revision');
  else if (revision !== undefined) expression.require('revision', '=', revision);
  for (const bucket of bucketNames) {
    const instantChange = tats[bucket];
    if (instantChange) expression.change(tatAttribute(bucket), instantChange);
  }
  if (line) expression.change('line', line);
  if (!terms) return;
  if (revision === undefined) throw new Error('New terms need the revision that they replace.');
  expression.set('revision', revision + 1);
  if (terms.pausedUntilMs !== undefined) expression.set('pausedUntil', terms.pausedUntilMs);
  if (terms.slowDown) {
    expression.set('slowDownFactor', terms.slowDown.factor);
    expression.set('slowDownAt', terms.slowDown.atMs);
  }
  if (terms.shortfall) {
    expression.set('shortfallFactor', terms.shortfall.factor);
    expression.set('shortfallAt', terms.shortfall.atMs);
  }
  if (!terms.limits) return;
  for (const bucket of bucketNames) {
    const limit = terms.limits[bucket];
    if (limit === undefined) expression.remove(limitAttribute(bucket));
    else expression.set(limitAttribute(bucket), limit);
  }
}

function stateOf(item: Record<string, AttributeValue>): RateState {
  const number = (name: string, otherwise: number) => (item[name]?.N === undefined ? otherwise : Number(item[name].N));
  const perBucket = (attributeOf: (bucket: BucketName) => string) =>
    Object.fromEntries(
      bucketNames.filter((bucket) => item[attributeOf(bucket)]?.N).map((bucket) => [bucket, number(attributeOf(bucket), 0)]),
    );
  const { slowDown, shortfall } = freshState;
  return {
    limits: perBucket(limitAttribute),
    tatMs: perBucket(tatAttribute),
    pausedUntilMs: number('pausedUntil', 0),
    slowDown: { factor: number('slowDownFactor', slowDown.factor), atMs: number('slowDownAt', slowDown.atMs) },
    shortfall: { factor: number('shortfallFactor', shortfall.factor), atMs: number('shortfallAt', shortfall.atMs) },
    revision: number('revision', 0),
    lineMs: number('line', 0),
    clockMs: number('clock', 0),
  };
}

/** One UpdateItem in the making. Every attribute is a number; names are aliased, as some are DynamoDB's reserved words. */
class UpdateExpression {
  private readonly sets: string[] = [];
  private readonly removes: string[] = [];
  private readonly conditions: string[] = [];
  private readonly values: Record<string, AttributeValue> = {};
  private readonly names: Record<string, string> = {};

  set(attribute: string, value: number) {
    this.sets.push(`${this.name(attribute)} = ${this.value(value)}`);
  }

  remove(attribute: string) {
    this.removes.push(this.name(attribute));
  }

  /** As `moved` in rate-limit.ts does it. */
  change(attribute: string, change: InstantChange) {
    const name = this.name(attribute);
    if ('set' in change) {
      this.set(attribute, change.set);
      this.requireMissingOr(attribute, '<', change.below);
    } else {
      this.sets.push(`${name} = ${name} + ${this.value(change.add)}`);
      this.conditions.push(`${name} BETWEEN ${this.value(change.from)} AND ${this.value(change.to)}`);
    }
  }

  require(attribute: string, comparator: '=' | '<' | '<=', value: number) {
    this.conditions.push(`${this.name(attribute)} ${comparator} ${this.value(value)}`);
  }

  requireMissing(attribute: string) {
    this.conditions.push(`attribute_not_exists(${this.name(attribute)})`);
  }

  requireMissingOr(attribute: string, comparator: '<' | '<=', value: number) {
    const name = this.name(attribute);
    this.conditions.push(`(attribute_not_exists(${name}) OR ${name} ${comparator} ${this.value(value)})`);
  }

  input() {
    return {
      UpdateExpression: [`SET ${this.sets.join(', ')}`, ...(this.removes.length > 0 ? [`REMOVE ${this.removes.join(', ')}`] : [])].join(
        ' ',
      ),
      ConditionExpression: this.conditions.join(' AND '),
      ExpressionAttributeNames: this.names,
      ExpressionAttributeValues: this.values,
    };
  }

  private name(attribute: string): string {
    this.names[`#${attribute}`] = attribute;
    return `#${attribute}`;
  }

  private value(value: number): string {
    const alias = `:v${Object.keys(this.values).length}`;
    this.values[alias] = { N: String(value) };
    return alias;
  }
}
