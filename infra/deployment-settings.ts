import { normalizeEndpoint } from '../functions/shared/endpoint.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import { requirePrice } from '../functions/shared/known-price.ts';
import { SETTINGS_FILE } from '../functions/shared/object-keys.ts';
import { resolveSettings, type Settings } from '../functions/shared/settings.ts';

/** They travel in an environment variable, of which a function has 4 KB in all. Source: Lambda developer guide, "Quotas". */
const MAX_SETTINGS_BYTES = 2_048;

/**
 * The settings of a deployment, checked: a layer between the defaults and a dataset's own.
 * @throws ConfigError: a key or value is wrong, or they are too long.
 */
export function deploymentSettings(values: Readonly<Record<string, unknown>>): Partial<Settings> {
  resolveSettings([{ origin: 'settings', values }]);
  if ('upload' in values)
    throw new ConfigError(`settings: upload: only the dataset's ${SETTINGS_FILE} can say what one upload is`, { code: 'invalid_settings' });
  const bytes = Buffer.byteLength(JSON.stringify(values));
  if (bytes > MAX_SETTINGS_BYTES) {
    throw new ConfigError(`settings: they may have ${MAX_SETTINGS_BYTES} bytes as JSON, these have ${bytes}`, { code: 'invalid_settings' });
  }
  return values as Partial<Settings>;
}

interface Budgeted {
  readonly modelBaseUrl?: string | null;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly maxCostUsdPerDay?: number | null;
}

/** @throws ConfigError: a budget is set and the price of the model is unknown, so that nothing could be held to it. */
export function requireKnownPrice({ modelBaseUrl, settings = {}, maxCostUsdPerDay = null }: Budgeted): void {
  const resolved = resolveSettings([{ origin: 'settings', values: settings }]).settings;
  requirePrice(normalizeEndpoint(modelBaseUrl ?? undefined), resolved, maxCostUsdPerDay);
}
