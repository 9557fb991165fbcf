import { isDeepStrictEqual } from 'node:util';
import { acceptUpload, settingsMetadata, uploadKindIn } from '../functions/accept-upload/accept-upload.ts';
import { newRun } from '../functions/accept-upload/new-run.ts';
import { systemClock } from '../functions/shared/clock.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import { digestKey, SUCCESS_FILE, settingsKeyOf } from '../functions/shared/object-keys.ts';
import type { Settings } from '../functions/shared/settings.ts';
import { type DatasetRoots, digestLines, digestSettings, requireRoots, rootsInStack, rootsOf } from './dataset-roots.ts';
import { type DeployedStack, openStack } from './deployed-stack.ts';
import { counted } from './figures.ts';
import { claimNextAttempt } from './local-attempt.ts';
import { localStores } from './local-stores.ts';
import { chooseModel } from './model-choice.ts';
import { type AttemptOptions, runAttempt } from './run-command.ts';
import { stackName } from './run-place.ts';
import { tellAcceptance } from './submit-command.ts';

export interface DigestOptions extends AttemptOptions {
  /** YYYY-MM-DD */
  since?: string;
  stack?: string | true;
  offline?: true;
  /** Settings named on the command line, by their names. */
  settings: Record<string, unknown>;
}

/** Settings that say what is asked for, and of whom: those of the dataset's newest run serve for its digest. */
const inherited = ['instruction', 'model', 'temperature', 'maxOutputTokens'] as const satisfies (keyof Settings)[];

/**
 * `hundredfold digest`: one summary of the latest roots of a dataset, as a run of its own. @returns the exit code.
 * @throws ConfigError: there is nothing to fold, or a setting is wrong.
 */
export async function digestCommand(dataset: string, options: DigestOptions): Promise<number> {
  const since = options.since ?? null;
  if (options.stack !== undefined) return digestInStack(dataset, since, options);
  const stores = localStores(options.out);
  const found = await rootsOf(dataset, since, options.out, stores.work);
  requireRoots(found, dataset, since, options.out);
  const model = chooseModel({ hasFile: true, isOffline: options.offline === true, env: process.env });
  const key = digestKey(dataset, since);
  const body = digestLines(found.roots);
  const layers = [
    { origin: 'the newest run of the dataset', values: inheritedSettings(found) },
    { origin: 'command line', values: options.settings },
    { origin: 'digest', values: digestSettings },
  ];
  const sourceOf = (versionId: string) => ({ bucket: stores.input.bucket, key, versionId, bytes: Buffer.byteLength(body) });
  const runOf = (versionId: string) => newRun({ dataset, endpoint: model.endpoint, limit: null, source: sourceOf(versionId) }, layers);
  runOf('');
  await stores.input.put(key, body, { metadata: {} });
  const { versionId } = (await stores.input.head(key))!;
  if (!options.quiet) process.stderr.write(`Digest of ${counted(found.roots.length, 'upload')} of dataset "${dataset}"\n`);
  return runAttempt(await claimNextAttempt(runOf(versionId), stores.work, systemClock), model, stores, options);
}

function inheritedSettings({ newestSettings }: DatasetRoots): Partial<Settings> {
  return newestSettings ? Object.fromEntries(inherited.map((name) => [name, newestSettings[name]])) : {};
}

/** Drops the digest's upload into the input bucket, with its settings as metadata, and starts its run. */
async function digestInStack(dataset: string, since: string | null, options: DigestOptions): Promise<number> {
  if (options.offline || options.onEvent !== undefined) {
    throw new ConfigError('--offline and --on-event are for runs of this machine; those of a stack have what it was deployed with.', {
      code: 'flag_not_for_stack',
    });
  }
  const stack = await openStack(stackName(options.stack));
  const found = await rootsInStack(dataset, since, stack);
  requireRoots(found, dataset, since, `stack ${stack.name}`);
  const metadata = settingsMetadata({ ...inheritedSettings(found), ...options.settings, ...digestSettings });
  const object = await drop(digestKey(dataset, since), digestLines(found.roots), metadata, stack);
  const accepted = await acceptUpload(
    { detail: { bucket: { name: stack.input.bucket }, object } },
    { ...stack, clock: systemClock, log: { info() {}, warn() {} } },
  );
  if (!accepted) throw new Error(`${object.key} starts no run`);
  return tellAcceptance(`Digest of ${counted(found.roots.length, 'upload')}`, accepted, stack, options);
}

/**
 * Puts the upload where its dataset wants one: a file, or a folder of one part that `_SUCCESS` closes. What lies there already stays, so that
 * the same roots are the same run. @returns the object whose event starts the run.
 */
async function drop(key: string, body: string, metadata: Record<string, string>, { input }: DeployedStack) {
  const isFolder = uploadKindIn(await input.get(settingsKeyOf(key))) === 'folder';
  const bodyKey = isFolder ? `${key.replace(/\.jsonl$/, '')}/part-0.jsonl` : key;
  const objectKey = isFolder ? `${key.replace(/\.jsonl$/, '')}/${SUCCESS_FILE}` : key;
  const present = await input.get(bodyKey);
  const described = await input.head(objectKey);
  const isThere = present !== undefined && Buffer.from(present).toString() === body && isDeepStrictEqual(described?.metadata, metadata);
  if (!isThere && isFolder) await input.put(bodyKey, body);
  if (!isThere) await input.put(objectKey, isFolder ? '' : body, { metadata });
  const head = (await input.head(objectKey))!;
  return { key: objectKey, size: head.bytes, 'version-id': head.versionId };
}
