import { GetSecretValueCommand, ResourceNotFoundException, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ConfigError } from '../errors.ts';

/** A rotated key is taken up after this long; Secrets Manager bills every read. */
const KEY_LIFETIME_MS = 5 * 60_000;

const placeholder = /^(<.*>|(sk-)?(\.{3}|x+|placeholder|todo|(replace|change)[-_ ]?(me|this)|your[-_ ].*|(my|the)?[-_ ]?api[-_ ]?key))$/i;

/**
 * A function that gives the model's API key. The secret is the key itself, or a JSON object with the key under `apiKey` or
 * `OPENAI_API_KEY`. Callers that come while it is being read share that read; a failed read is not kept.
 *
 * The function throws ConfigError when the secret has no value or only a placeholder; the message is the command that sets it.
 */
export function modelKey(
  client: SecretsManagerClient,
  secretArn: string,
  { now = Date.now }: { now?: () => number } = {},
): () => Promise<string> {
  let cached: { key: Promise<string>; readAt: number } | undefined;

  async function read(): Promise<string> {
    try {
      const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: secretArn }));
      return keyIn(SecretString ?? '', secretArn);
    } catch (error) {
      // Also the answer for a secret that was created without a value.
      if (error instanceof ResourceNotFoundException) throw missingKey('has no value', secretArn);
      throw error;
    }
  }

  return () => {
    if (!cached || now() - cached.readAt >= KEY_LIFETIME_MS) {
      const entry = { key: read(), readAt: now() };
      cached = entry;
      entry.key.catch(() => {
        if (cached === entry) cached = undefined;
      });
    }
    return cached.key;
  };
}

function keyIn(secret: string, secretArn: string): string {
  const text = secret.trim();
  const key = text.startsWith('{') ? keyOfObject(text) : text;
  if (key === undefined) throw missingKey('is JSON without a text under apiKey or OPENAI_API_KEY', secretArn);
  if (key === '') throw missingKey('is empty', secretArn);
  if (placeholder.test(key)) throw missingKey('still holds a placeholder', secretArn);
  return key;
}

function keyOfObject(text: string): string | undefined {
  try {
    const { apiKey, OPENAI_API_KEY } = JSON.parse(text) as Record<string, unknown>;
    const key = apiKey ?? OPENAI_API_KEY;
    return typeof key === 'string' ? key.trim() : undefined;
  } catch {
    // The parser's message would quote the secret.
    return undefined;
  }
}

function missingKey(reason: string, secretArn: string): ConfigError {
  return new ConfigError(
    `The secret with the model's API key ${reason}. Set it: aws secretsmanager put-secret-value --secret-id ${secretArn} --secret-string file://model.key (the key alone in that file)`,
    { code: 'missing_model_key' },
  );
}
