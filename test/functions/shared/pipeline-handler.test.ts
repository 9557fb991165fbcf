import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { InvalidUploadError } from '../../../functions/shared/errors.ts';
import { type Invocation, pipelineHandler } from '../../../functions/shared/pipeline-handler.ts';
import { sampleRun } from '../../fakes/sample-run.ts';

const WORDS = 'the customer lives in High Street';
const run = sampleRun();
const input = { run, part: '000000', stopReason: null };
const output = { part: '000000', receiptKey: 'key' };

const context = (remainingMs: number) =>
  ({
    functionName: 'write-tables',
    awsRequestId: 'request-1',
    memoryLimitInMB: '256',
    getRemainingTimeInMillis: () => remainingMs,
  }) as Context;

/** What the Lambda runtime writes to the log of an error: every property, causes and all. */
const asRuntimeLogs = (error: Error) =>
  JSON.stringify(error, (_, value: unknown) =>
    value instanceof Error
      ? { ...value, errorType: value.name, errorMessage: value.message, stack: value.stack, cause: value.cause }
      : value,
  );

let logged: string[] = [];
const spies: { mockRestore(): void }[] = [];
beforeEach(() => {
  logged = [];
  // The logger writes through a console of its own, straight to the standard streams.
  for (const stream of [process.stdout, process.stderr]) {
    spies.push(
      jest.spyOn(stream, 'write').mockImplementation((chunk: unknown) => {
        logged.push(String(chunk));
        return true;
      }),
    );
  }
});
afterEach(() => {
  for (const spy of spies.splice(0)) spy.mockRestore();
});
const logLines = () =>
  logged
    .join('')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const failure = async (call: Promise<unknown>): Promise<Error> =>
  call.then(
    () => Promise.reject(new Error('The handler did not fail')),
    (error: Error) => error,
  );

describe('the handler of a step', () => {
  test('hands the parsed input over and the parsed output back', async () => {
    const handler = pipelineHandler('write-tables', async (given) => {
      expect(given).toEqual(input);
      return { ...output, extra: 1 } as typeof output;
    });
    expect(await handler({ ...input, extra: 1 }, context(60_000))).toEqual(output);
  });

  test('turns the event of another caller into the input', async () => {
    const handler = pipelineHandler(
      'write-tables',
      async (given) => ({ ...output, part: given.part }),
      (event) => ({ ...input, part: (event as { detail: string }).detail }),
    );
    expect(await handler({ detail: '000007' }, context(60_000))).toEqual({ ...output, part: '000007' });
  });

  test.each([
    ['input', { ...input, part: 5 }, output],
    ['output', input, { part: WORDS }],
  ])('a broken %s is a ContractError', async (_, event, result) => {
    const handler = pipelineHandler('write-tables', async () => result as typeof output);
    expect(await failure(handler(event, context(60_000)))).toMatchObject({ name: 'ContractError', message: '' });
    expect(logged.join('')).not.toContain('customer');
  });

  test('an error leaves with name and code: no words in it, in what hangs on it or in the log', async () => {
    const cause = new Error(`cause: ${WORDS}`);
    const handler = pipelineHandler('write-tables', async () => {
      throw new InvalidUploadError(`${WORDS}\n    at ${WORDS}`, { code: 'no_rows', cause });
    });
    const error = await failure(handler(input, context(60_000)));
    expect(error).toMatchObject({ name: 'InvalidUploadError', message: 'no_rows' });
    expect(asRuntimeLogs(error)).not.toContain('customer');
    const [line] = logLines().filter(({ level }) => level === 'ERROR');
    expect(line).toMatchObject({
      runId: run.runId,
      attempt: 1,
      dataset: 'support',
      error: {
        name: 'InvalidUploadError',
        code: 'no_rows',
        frames: expect.arrayContaining([expect.stringContaining('pipeline-handler.test.ts')]),
      },
    });
    expect(logged.join('')).not.toContain('customer');
  });

  test('the run of a failed invocation is not in the log lines of the next', async () => {
    const handler = pipelineHandler('write-tables', async () => {
      throw new Error(WORDS);
    });
    await failure(handler(input, context(60_000)));
    await failure(handler({}, context(60_000)));
    const [first, second] = logLines();
    expect(first?.runId).toBe(run.runId);
    expect(second).toMatchObject({ level: 'ERROR', error: { name: 'ContractError' } });
    expect(second).not.toHaveProperty('runId');
  });
});

describe('the deadline', () => {
  async function invocationWith(remainingMs: number): Promise<Invocation> {
    let seen: Invocation | undefined;
    const handler = pipelineHandler('write-tables', async (_, invocation) => {
      seen = invocation;
      return output;
    });
    await handler(input, context(remainingMs));
    return seen as Invocation;
  }

  test('is far: the signal is quiet', async () => {
    const { signal, isTimeShort } = await invocationWith(60_000);
    expect(signal.aborted).toBe(false);
    expect(isTimeShort()).toBe(false);
  });

  test('is less than half a minute away: time is short', async () => {
    expect((await invocationWith(30_000)).isTimeShort()).toBe(false);
    expect((await invocationWith(29_999)).isTimeShort()).toBe(true);
  });

  test('is two seconds away: work in flight is aborted and the step fails', async () => {
    const reasons: unknown[] = [];
    const handler = pipelineHandler('write-tables', (_, { signal }) => {
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      return new Promise<typeof output>(() => {});
    });
    expect(await failure(handler(input, context(2_000)))).toMatchObject({ name: 'TimeoutError', message: '' });
    expect(reasons).toEqual([expect.objectContaining({ name: 'AbortError' })]);
  });
});
