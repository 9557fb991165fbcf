/** What survives `JSON.parse(JSON.stringify(x))`: the only values that pass between two states. */
export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };

export function isJsonObject(value: unknown): value is { [member: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
