import { createHash } from 'node:crypto';
import type { Run, Source } from '../shared/contract.ts';
import { requirePrice } from '../shared/known-price.ts';
import { resolveSettings, type Settings, type SettingsLayer } from '../shared/settings.ts';

const SLUG_CHARACTERS = 40;
const HASH_CHARACTERS = 16;

/** The last name of a key in a form that can stand in other names. */
export const slugOf = (key: string) =>
  (key.replace(/\/$/, '').split('/').pop() ?? '')
    .replace(/\.[A-Za-z0-9]{1,8}$/, '')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, SLUG_CHARACTERS)
    .replace(/-+$/, '') || 'upload';

interface Identity {
  source: Source;
  endpoint: string;
  limit: number | null;
  /** Settings that somebody named and that are part of the identity; or the words that are no settings. */
  explicit: Partial<Settings> | string;
}

/** The same upload under the same settings is the same run, whoever starts it and how often. At most 57 characters. */
export function runIdOf({ source, endpoint, limit, explicit }: Identity): string {
  const named = typeof explicit === 'string' ? explicit : Object.entries(explicit).sort(([one], [other]) => (one < other ? -1 : 1));
  const identity = JSON.stringify([source.bucket, source.key, source.versionId, endpoint, limit, named]);
  return `${slugOf(source.key)}-${createHash('sha256').update(identity).digest('hex').slice(0, HASH_CHARACTERS)}`;
}

/**
 * The run of an upload, as its first attempt.
 * @throws ConfigError: a setting is wrong, or a cost cap is set for a model whose price is unknown.
 */
export function newRun(
  upload: { source: Source; dataset: string; endpoint: string; limit: number | null },
  layers: readonly SettingsLayer[],
): Run {
  const { settings, explicit } = resolveSettings(layers);
  requirePrice(upload.endpoint, settings);
  return { runId: runIdOf({ ...upload, explicit }), attempt: 1, ...upload, settings };
}
