import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import { InvalidUploadError, ModelUnavailableError } from '../../../functions/shared/errors.ts';
import { framesOf, runStep, withoutWords } from '../../../functions/shared/step.ts';
import { sampleRun } from '../../fakes/sample-run.ts';

const WORDS = 'the customer said: my address is 5 High Street';

const everythingIn = (error: Error) => [error.name, error.message, error.stack, String(error), JSON.stringify(error), String(error.cause)];

describe('an error without words', () => {
  test('keeps name and code', () => {
    const cause = new Error(WORDS);
    const bare = withoutWords(new InvalidUploadError(WORDS, { code: 'not_utf8', cause }));
    expect(bare).toBeInstanceOf(Error);
    expect(bare.name).toBe('InvalidUploadError');
    expect(bare.message).toBe('not_utf8');
    expect(everythingIn(bare).join('\n')).not.toContain('customer');
  });

  test.each([
    ['of the pipeline without a code', new ModelUnavailableError(WORDS), 'ModelUnavailableError'],
    ['of a library', Object.assign(new TypeError(WORDS), { code: WORDS }), 'TypeError'],
    ['of a schema', z.object({ a: z.literal('b') }).safeParse({ a: WORDS }).error, 'ContractError'],
    ['that is none', WORDS, 'UnknownError'],
    ['that is nothing', undefined, 'UnknownError'],
  ])('%s has a name alone', (_, error, name) => {
    const bare = withoutWords(error);
    expect(bare.name).toBe(name);
    expect(bare.message).toBe('');
    expect(everythingIn(bare).join('\n')).not.toContain('customer');
  });
});

describe('frames of an error', () => {
  test('say where it came from', () => {
    const [first] = framesOf(new Error(WORDS));
    expect(first).toMatch(/^at .*step\.test\.ts:\d+:\d+/);
  });

  test.each([WORDS, `line\n${WORDS}`, `line\n    at ${WORDS}\n    at ${WORDS}`])('hold no word of the message %j', (message) => {
    const frames = framesOf(new ModelUnavailableError(message, { cause: new Error(message) }));
    expect(frames.length).toBeGreaterThan(0);
    expect(frames.join('\n')).not.toContain('customer');
  });

  test('of what is no error are none', () => {
    expect(framesOf(WORDS)).toEqual([]);
    expect(framesOf(undefined)).toEqual([]);
  });
});

describe('a step', () => {
  const input = { run: sampleRun(), part: '000000', stopReason: null };

  test('works on the parsed input and returns the parsed output', async () => {
    const output = await runStep('write-tables', { ...input, extra: 1 }, async (given) => {
      expect(given).toEqual(input);
      return { part: given.part, receiptKey: 'key', extra: 2 } as { part: string; receiptKey: string };
    });
    expect(output).toEqual({ part: '000000', receiptKey: 'key' });
  });

  test('does not begin with an input that breaks the contract', async () => {
    const wrong = { ...input, run: { ...input.run, settings: { ...input.run.settings, unknown: 1 } } };
    let isBegun = false;
    const work = async () => {
      isBegun = true;
      return { part: '', receiptKey: '' };
    };
    await expect(runStep('write-tables', wrong, work)).rejects.toBeInstanceOf(z.ZodError);
    await expect(runStep('write-tables', { ...input, stopReason: undefined }, work)).rejects.toBeInstanceOf(z.ZodError);
    expect(isBegun).toBe(false);
  });

  test('does not hand on an output that breaks the contract', async () => {
    const work = async () => ({ part: 5, receiptKey: 'key' }) as unknown as { part: string; receiptKey: string };
    await expect(runStep('write-tables', input, work)).rejects.toBeInstanceOf(z.ZodError);
  });
});
