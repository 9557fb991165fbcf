import { dynamoDbControl } from '../../functions/shared/adapters/dynamodb-control.ts';
import { memoryControl } from '../../local/memory-control.ts';
import { controlContract } from './control.ts';
import { openControlTable } from './control-table.ts';

controlContract('memory', async () => ({ control: memoryControl(), close: async () => undefined }));

controlContract('DynamoDB', async () => {
  const { client, tableName, close } = await openControlTable();
  return { control: dynamoDbControl(client, tableName), close };
});
