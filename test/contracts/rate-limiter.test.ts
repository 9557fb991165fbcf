import { dynamoDbRateLimiter } from '../../functions/shared/adapters/dynamodb-rate-limiter.ts';
import { rateLimiter } from '../../functions/shared/rate-limiter.ts';
import { memoryRateTable } from '../../local/memory-rate-limiter.ts';
import { openControlTable } from './control-table.ts';
import { rateLimiterContract } from './rate-limiter.ts';

rateLimiterContract('memory', async () => {
  const table = memoryRateTable();
  return { process: (options) => rateLimiter(table, options), close: async () => undefined };
});

rateLimiterContract('DynamoDB', async () => {
  const { client, tableName, close } = await openControlTable();
  return { process: (options) => dynamoDbRateLimiter(client, tableName, options), close };
});
