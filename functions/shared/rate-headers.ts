/** One limit as an endpoint's headers tell it. */
export interface ProviderLimit {
  /** What the bucket holds when it is full. */
  limit: number;
  remaining: number;
  /** Seconds until the bucket is full again; null where the endpoint does not say. */
  resetSeconds: number | null;
}

/** What the `x-ratelimit-*` headers of one answer say. */
export interface ProviderLimits {
  requests?: ProviderLimit;
  tokens?: ProviderLimit;
}

interface Headers {
  get(name: string): string | null;
}

const unitSeconds: Readonly<Record<string, number>> = { d: 86_400, h: 3_600, m: 60, s: 1, ms: 0.001 };

/** Seconds in a duration such as `6m0s`, `12ms` or `1h2m3.5s`; undefined for anything else. */
export function durationSeconds(text: string | null): number | undefined {
  if (!text || !/^(\d+(\.\d+)?(ms|[dhms]))+$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[dhms])/g)) seconds += Number(amount) * unitSeconds[unit!]!;
  return seconds;
}

export function plainNumber(text: string | null): number | undefined {
  return text && /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

/** @returns null where the endpoint announces no limit (offline and self-hosted servers). */
export function providerLimits(headers: Headers): ProviderLimits | null {
  const requests = providerLimit(headers, 'requests');
  const tokens = providerLimit(headers, 'tokens');
  return requests || tokens ? { ...(requests && { requests }), ...(tokens && { tokens }) } : null;
}

/** A limit of 0 or a missing part is no limit that calls could be paced by. */
function providerLimit(headers: Headers, unit: 'requests' | 'tokens'): ProviderLimit | undefined {
  const limit = plainNumber(headers.get(`x-ratelimit-limit-${unit}`));
  const remaining = plainNumber(headers.get(`x-ratelimit-remaining-${unit}`));
  if (!limit || remaining === undefined) return undefined;
  const reset = headers.get(`x-ratelimit-reset-${unit}`);
  return { limit, remaining: Math.min(remaining, limit), resetSeconds: durationSeconds(reset) ?? plainNumber(reset) ?? null };
}
