import { dynamoDbControl } from '../../functions/shared/adapters/dynamodb-control.ts';
import { memoryControl } from '../../local/memory-control.ts';
import { controlContract } from './control.ts';
import { openControlTable } from './control-table.ts';

controlContract('memory', async (options) => ({ control: memoryControl(options), close: async () => undefined }));

controlContract('DynamoDB', async (options) => {
  const { client, tableName, close } = await openControlTable();
  return { control: dynamoDbControl(client, tableName, options), close };
});
