import { dynamoDbControl } from '../../functions/shared/adapters/dynamodb-control.ts';
import { memoryControl } from '../../local/memory-control.ts';
import { type ControlHome, controlContract } from './control.ts';
import { openControlTable } from './control-table.ts';
import { dailyBudgetContract } from './daily-budget.ts';

type Options = { maxCostUsdPerDay?: number };

async function inMemory(options?: Options): Promise<ControlHome> {
  return { control: memoryControl(options), close: async () => undefined };
}

async function inTable(options?: Options): Promise<ControlHome> {
  const { client, tableName, close } = await openControlTable();
  return { control: dynamoDbControl(client, tableName, options), close };
}

controlContract('memory', inMemory);
controlContract('DynamoDB', inTable);
dailyBudgetContract('memory', inMemory);
dailyBudgetContract('DynamoDB', inTable);
