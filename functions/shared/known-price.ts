import { ConfigError } from './errors.ts';
import { costUsd } from './model-catalog.ts';
import type { Settings } from './settings.ts';

/**
 * @param maxCostUsdPerDay the deployment's cap on a day, null for none.
 * @throws ConfigError: a cost cap is set for a model whose price is unknown.
 */
export function requirePrice(endpoint: string, { model, serviceTier, maxCostUsd }: Settings, maxCostUsdPerDay: number | null = null): void {
  if (maxCostUsd === null && maxCostUsdPerDay === null) return;
  if (costUsd(endpoint, model, serviceTier, { inputTokens: 0, outputTokens: 0 }) !== null) return;
  const what = serviceTier === null ? model : `${model} on the ${serviceTier} tier`;
  const cap = maxCostUsd === null ? 'maxCostUsdPerDay' : 'maxCostUsd';
  throw new ConfigError(`${cap}: the price of ${what} is unknown, so its cost cannot be capped. Leave ${cap} out or name another model.`, {
    code: 'unknown_price',
  });
}
