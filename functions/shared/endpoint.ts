import { ConfigError } from './errors.ts';

export const DEFAULT_ENDPOINT = 'https://api.openai.com/v1';

function refusal(reason: string): ConfigError {
  // The URL itself is not repeated: the parts that are refused are the ones in which people put keys.
  return new ConfigError(`The base URL of the model endpoint ${reason}. Example: ${DEFAULT_ENDPOINT}`, { code: 'invalid_base_url' });
}

/**
 * The endpoint as it enters hashes and requests: scheme and host in lower case, no default port, no trailing slash.
 * Two spellings of one URL are one endpoint; the path keeps its case.
 *
 * @throws ConfigError: not an absolute http or https URL, or one with credentials, a query or a fragment.
 */
export function normalizeEndpoint(baseUrl: string | undefined): string {
  if (baseUrl === undefined) return DEFAULT_ENDPOINT;
  const url = URL.parse(baseUrl);
  if (!url) throw refusal('is not a URL');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refusal('must start with https:// or http://');
  if (url.username || url.password) throw refusal('must not carry credentials');
  if (/[?#]/.test(baseUrl)) throw refusal('must not have a query or a fragment');
  return url.origin + url.pathname.replace(/\/+$/, '');
}
