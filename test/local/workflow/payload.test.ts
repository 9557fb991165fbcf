import { describe, expect, test } from '@jest/globals';
import { STATE_PAYLOAD_BYTES } from '../../../functions/shared/limits.ts';
import { FakeStore, jsonLines } from './fake-store.ts';
import { map, run, task } from './run.ts';

/** A string whose JSON text has exactly so many bytes. */
function textOf(bytes: number): string {
  return 'x'.repeat(bytes - 2);
}

const pass = { Type: 'Pass', End: true };
const tooLong = { status: 'FAILED', error: 'States.DataLimitExceeded' };

describe('the limit of 256 KiB', () => {
  test('holds for the execution input, to the byte', async () => {
    expect((await run({ A: pass }, textOf(STATE_PAYLOAD_BYTES))).status).toBe('SUCCEEDED');
    expect(await run({ A: pass }, textOf(STATE_PAYLOAD_BYTES + 1))).toMatchObject({ ...tooLong, cause: expect.stringContaining('input') });
  });

  test('counts bytes of UTF-8, not characters', async () => {
    expect(await run({ A: pass }, 'ü'.repeat(STATE_PAYLOAD_BYTES / 2))).toMatchObject(tooLong);
    expect(await run({ A: pass }, 'ü'.repeat(STATE_PAYLOAD_BYTES / 2 - 1))).toMatchObject({ status: 'SUCCEEDED' });
  });

  test('holds for the payload of a task, which is then not called', async () => {
    const Payload = { a: '{% $states.input %}', b: '{% $states.input %}' };
    const A = task({ Arguments: { FunctionName: 'work', Payload } });
    const work = () => Promise.reject(new Error('not to be called'));
    expect(await run({ A }, textOf(150_000), { functions: { work } })).toMatchObject({
      ...tooLong,
      cause: expect.stringContaining('payload'),
    });
  });

  test('holds for the result of a task, even where Output would drop it', async () => {
    const work = async () => textOf(STATE_PAYLOAD_BYTES);
    const A = task({ Output: 'small' });
    expect(await run({ A }, {}, { functions: { work } })).toMatchObject({ ...tooLong, cause: expect.stringContaining('result') });
  });

  test('can be caught by its own name only', async () => {
    const functions = { work: async () => textOf(STATE_PAYLOAD_BYTES) };
    const catching = (name: string) => ({ A: task({ Catch: [{ ErrorEquals: [name], Next: 'B', Output: 'caught' }] }), B: pass });
    expect(await run(catching('States.DataLimitExceeded'), {}, { functions })).toMatchObject({ output: 'caught' });
    expect(await run(catching('States.ALL'), {}, { functions })).toMatchObject(tooLong);
  });

  test('holds for the output of a state and for what it assigns', async () => {
    const double = ['{% $states.input %}', '{% $states.input %}'];
    const input = textOf(150_000);
    expect(await run({ A: { ...pass, Output: double } }, input)).toMatchObject({ ...tooLong, cause: expect.stringContaining('output') });
    expect(await run({ A: { ...pass, Assign: { double } } }, input)).toMatchObject({
      ...tooLong,
      cause: expect.stringContaining('assigns'),
    });
  });

  test('holds for the input of a child', async () => {
    const store = () => new FakeStore({ 'items.jsonl': jsonLines([textOf(150_000)]) }, { chunkBytes: 65_536 });
    const ItemSelector = ['{% $states.context.Map.Item.Value %}', '{% $states.context.Map.Item.Value %}'];
    expect(await run({ M: map({}, { A: pass }) }, {}, { store })).toMatchObject({ status: 'SUCCEEDED' });
    expect(await run({ M: map({ ItemSelector }, { A: pass }) }, {}, { store })).toMatchObject({
      ...tooLong,
      cause: expect.stringContaining('item 0'),
    });
  });

  test('holds for the result of a Map, even where Output would drop it', async () => {
    const store = () => new FakeStore({ 'items.jsonl': jsonLines([textOf(150_000), textOf(150_000)]) }, { chunkBytes: 65_536 });
    const result = await run({ M: map({ Output: 'small' }, { A: pass }) }, {}, { store });
    expect(result).toMatchObject({ ...tooLong, cause: expect.stringContaining('the result of state "M"') });
  });
});

describe('what passes between states is JSON', () => {
  test('members without a value vanish, dates become text, nothing becomes null', async () => {
    const work = async () => ({ gone: undefined, at: new Date(0), list: [undefined], not: Number.NaN });
    const { output } = await run({ A: task({ Output: '{% $states.result.Payload %}' }) }, {}, { functions: { work } });
    expect(output).toEqual({ at: '1970-01-01T00:00:00.000Z', list: [null], not: null });
    expect(output).not.toHaveProperty('gone');
    const nothing = await run({ A: task() }, {}, { functions: { work: async () => undefined } });
    expect(nothing.output).toMatchObject({ Payload: null });
  });

  test('no function can change what another has seen', async () => {
    const input = { list: [1] };
    const returned = { list: [1] };
    const work = async (payload: unknown) => {
      (payload as { list: number[] }).list.push(2);
      return returned;
    };
    const A = task({ Output: { result: '{% $states.result.Payload %}', input: '{% $states.input %}' }, Next: 'B' });
    const B = { Type: 'Wait', Seconds: 1, End: true };
    const running = run({ A, B }, input, { functions: { work }, onState: ({ type }) => type === 'entered' && returned.list.push(9) });
    expect((await running).output).toEqual({ result: { list: [1, 9] }, input: { list: [1] } });
    expect(input).toEqual({ list: [1] });
  });

  test.each([
    ['a bigint', { n: 1n }, 'BigInt'],
    ['a function', () => 1, 'Payload is of type function'],
    ['a function deep inside', { a: [{ run: () => 1 }] }, 'Payload.a.0.run is of type function'],
    ['a symbol', { s: Symbol('x') }, 'Payload.s is of type symbol'],
    ['a cycle', cycle(), 'circular'],
  ])('%s is States.Runtime, which nothing catches', async (_, value, cause) => {
    const A = task({ Retry: [{ ErrorEquals: ['States.ALL'] }], Catch: [{ ErrorEquals: ['States.ALL'], Next: 'B' }] });
    const result = await run({ A, B: pass }, {}, { functions: { work: async () => value } });
    expect(result).toEqual({ status: 'FAILED', error: 'States.Runtime', cause: expect.stringContaining(cause) });
  });

  test('an input that is no JSON fails the execution', async () => {
    expect(await run({ A: pass }, { f: () => 1 })).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
    expect(await run({ A: pass }, 1n)).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
  });
});

function cycle(): unknown {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
}
