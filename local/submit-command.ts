import { type Acceptance, acceptUpload, type ObjectCreatedEvent, startsRun } from '../functions/accept-upload/accept-upload.ts';
import { executionName } from '../functions/shared/attempt.ts';
import { systemClock } from '../functions/shared/clock.ts';
import { ConfigError } from '../functions/shared/errors.ts';
import { datasetOf, SETTINGS_FILE, SUCCESS_FILE } from '../functions/shared/object-keys.ts';
import type { ObjectHead } from '../functions/shared/ports.ts';
import { readRefusal } from '../functions/shared/refusal.ts';
import { type DeployedStack, openStack } from './deployed-stack.ts';
import { executionHome } from './execution-home.ts';
import { stackName } from './run-place.ts';
import { type RunState, readRun } from './run-states.ts';

export interface SubmitOptions {
  stack?: string | true;
  json?: true;
}

/**
 * `hundredfold submit`: the run that an object of the input bucket would have started when it was dropped, through the very code that takes the
 * event. @returns the exit code.
 * @throws ConfigError: the object is no upload of the stack.
 */
export async function submitCommand(url: string, options: SubmitOptions): Promise<number> {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(url) ?? [];
  if (key === '')
    throw new ConfigError(`${url} does not name an object: s3://BUCKET/KEY, a folder's KEY with a slash at its end.`, {
      code: 'no_object',
    });
  const stack = await openStack(stackName(options.stack));
  const detail = await eventOf(bucket, key, stack);
  const log = { info() {}, warn() {} };
  const accepted = await acceptUpload({ detail }, { ...stack, clock: systemClock, log });
  if (!accepted) throw notAnUpload(key);

  return tellAcceptance(url, accepted, stack, options);
}

/** Says what became of an upload (`what`) that was offered to a stack. @returns the exit code. */
export async function tellAcceptance(
  what: string,
  { run, result }: Acceptance,
  stack: DeployedStack,
  { json }: { json?: true },
): Promise<number> {
  const state = (await readRun(run.runId, executionHome(stack, systemClock)))?.state;
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ run_id: run.runId, result, status: state?.status ?? null, execution_arn: stack.executions.arnOf(executionName(run)) })}\n`,
    );
    return 0;
  }
  const refusal = await readRefusal(stack.work, run.runId);
  const trouble = refusal?.origin === 'settings' ? [`Its settings are refused: ${refusal.reason}`] : [];
  const status = `npm run status -- ${run.runId} --stack ${stack.name}`;
  process.stdout.write(`${[sentenceOf(what, run.runId, result, state), ...trouble, `  ${status}`].join('\n')}\n`);
  return 0;
}

function sentenceOf(what: string, runId: string, result: 'started' | 'exists' | 'processed', state: RunState | undefined): string {
  if (result === 'started') return `${what} is run ${runId}, started now.`;
  const attempt = state && state.attempt > 1 ? `, attempt ${state.attempt}` : '';
  if (result === 'processed') return `${what} is run ${runId}, which has been processed: ${state?.status}${attempt}. Nothing was started.`;
  return `${what} is run ${runId}, which was accepted before and is ${state?.status}${attempt}.`;
}

/** The event that the object would have brought. @throws ConfigError: no event of this object would start anything. */
async function eventOf(bucket: string, key: string, { name, input }: DeployedStack): Promise<ObjectCreatedEvent['detail']> {
  const refused = (words: string, code: string) => new ConfigError(words, { code });
  if (bucket !== input.bucket) {
    throw refused(`${bucket} is not the input bucket of stack ${name}: copy the object to s3://${input.bucket}/ first.`, 'other_bucket');
  }
  const isFolder = key.endsWith('/');
  const objectKey = isFolder ? key + SUCCESS_FILE : key;
  const lastName = objectKey.split('/').at(-1) ?? '';
  if (lastName === SETTINGS_FILE) throw refused(`${key} holds settings of a dataset; it is no upload.`, 'settings_file');
  const head: ObjectHead | undefined = await input.head(objectKey);
  if (!head) {
    const words = isFolder
      ? `Folder ${key} has no ${SUCCESS_FILE}: put one there, it says that all parts are there.`
      : `There is no object ${key} in ${bucket}.`;
    throw refused(words, 'no_such_object');
  }
  if (lastName !== SUCCESS_FILE) {
    if (head.bytes === 0) throw refused(`${key} is empty: there is nothing to summarize.`, 'empty_object');
    if (!startsRun(objectKey, head.bytes))
      throw refused(`${key} starts no run: names that begin with "_" or "." are not uploads.`, 'hidden_object');
  }
  return { bucket: { name: bucket }, object: { key: objectKey, size: head.bytes, 'version-id': head.versionId } };
}

/** The object is one kind of upload and its dataset wants the other. */
function notAnUpload(key: string): ConfigError {
  const dataset = datasetOf(key);
  const words =
    key.endsWith('/') || key.split('/').at(-1) === SUCCESS_FILE
      ? `In dataset ${dataset} a file is an upload, not a folder: name single files, or set "upload": "folder" in its ${SETTINGS_FILE}.`
      : `In dataset ${dataset} a folder is an upload, not a file: name the folder, with a slash at its end.`;
  return new ConfigError(words, { code: 'other_kind_of_upload' });
}
