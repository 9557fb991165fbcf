import { normalizeEndpoint } from '../functions/shared/endpoint.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import { OFFLINE_ENDPOINT } from '../functions/shared/model-catalog.ts';

/** Who answers: an endpoint with its key, or the offline model server. */
export type ModelChoice = { endpoint: typeof OFFLINE_ENDPOINT } | { endpoint: string; apiKey: string };

interface ChoiceInput {
  /** Whether the user named a file. The sample alone never reaches a paid model. */
  hasFile: boolean;
  isOffline: boolean;
  env: Record<string, string | undefined>;
}

/**
 * The endpoint that a run uses: the one of `OPENAI_BASE_URL` or `OPENAI_API_KEY` where the user named a file and did not ask for `--offline`.
 * @throws ConfigError: OPENAI_BASE_URL is not an http or https URL.
 */
export function chooseModel({ hasFile, isOffline, env }: ChoiceInput): ModelChoice {
  const apiKey = env.OPENAI_API_KEY?.trim();
  const baseUrl = env.OPENAI_BASE_URL?.trim();
  if (!hasFile || isOffline || (!apiKey && !baseUrl)) return { endpoint: OFFLINE_ENDPOINT };
  // Compatible servers without keys still want the header to be there.
  return { endpoint: endpointOf(baseUrl || undefined), apiKey: apiKey || 'none' };
}

function endpointOf(baseUrl: string | undefined): string {
  try {
    return normalizeEndpoint(baseUrl);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`OPENAI_BASE_URL: ${error.message}`, { code: error.code, cause: error });
  }
}
