import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import jsonata from 'jsonata';
import { jsonataFunctions } from '../../../local/workflow/builtin-functions.ts';
import { compileExpression, type Scope } from '../../../local/workflow/expression.ts';
import type { Json } from '../../../local/workflow/json.ts';

function scope(input: Json, variables: Record<string, Json> = {}): Scope {
  const Execution = { Id: 'id', Input: {}, Name: 'name', RoleArn: 'role', StartTime: 'now' };
  return { states: { input, context: { Execution, StateMachine: { Id: 'id', Name: 'name' } } }, variables };
}

async function evaluate(source: string, input: Json = {}, variables: Record<string, Json> = {}): Promise<Json> {
  return compileExpression(`{% ${source} %}`, 'here').evaluate(scope(input, variables));
}

describe('an expression', () => {
  test.each<[string, Json, Json]>([
    ['$states.input.a.b', { a: { b: 1 } }, 1],
    ['$states.input.a.b', { a: [{ b: 1 }, { b: [2, 3] }] }, [1, 2, 3]],
    ['$states.input.a.b', { a: [{ b: 1 }] }, 1],
    ['$states.input.a', { a: [] }, []],
    ['$states.input.a', { a: null }, null],
    ['$states.input.a[0]', { a: [5, 6] }, 5],
    ['$states.input.`a b`', { 'a b': 1 }, 1],
    ['$count($states.input.a) > 1', { a: [1, 2] }, true],
    ['$v.x', {}, 7],
    ['$v', {}, { x: 7 }],
    ['{"a": $states.input.missing, "b": 1}', {}, { b: 1 }],
  ])('%s of %j is %j', async (source, input, expected) => {
    expect(JSON.parse(JSON.stringify(await evaluate(source, input, { v: { x: 7 } })))).toEqual(expected);
  });

  test('that is a plain path yields what JSONata yields', async () => {
    const names = fc.constantFrom('a', 'b', 'length', 'constructor');
    const values = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constant(null),
        fc.integer(),
        fc.string(),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'length'), tie('value')),
      ),
    })).value;
    await fc.assert(
      fc.asyncProperty(values, fc.array(names, { maxLength: 3 }), async (input, path) => {
        const source = ['$states.input', ...path].join('.');
        const plain: unknown = await jsonata(source).evaluate(undefined, scope(input) as unknown as Record<string, unknown>);
        fc.pre(typeof plain !== 'function');
        const ours = await evaluate(source, input).catch((error: { errorName: string }) => error.errorName);
        expect(JSON.stringify(ours)).toBe(plain === undefined ? '"States.QueryEvaluationError"' : JSON.stringify(plain));
      }),
    );
  });

  test.each([
    ['yields nothing', '$states.input.missing'],
    ['yields nothing, as a variable not yet assigned', '$v'],
    ['yields nothing, as a bare name', 'a'],
    ['yields a function', '$sum'],
    ['yields a function of its own', 'function($x) { $x }'],
    ['divides text', '"a" / 2'],
    ['raises an error', '$error("no")'],
    ['calls a Step Functions function wrongly', '$hash("a", "CRC")'],
    ['parses what is not JSON', '$parse("{")'],
  ])('fails where it %s', async (_, source) => {
    await expect(evaluate(source, { a: 1 })).rejects.toMatchObject({
      errorName: 'States.QueryEvaluationError',
      errorCause: expect.stringContaining(`here: the expression "${source}"`),
    });
  });

  test.each<[string, Json]>([
    ['$parse("{\\"a\\": 1}").a', 1],
    ['$hash("abc", "SHA-256")', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['$hash("abc", "MD5")', '900150983cd24fb0d6963f7d28e17f72'],
    ['$range(1, 9, 2)', [1, 3, 5, 7, 9]],
    ['$range(3, 0, -2)', [3, 1]],
    ['$partition([1, 2, 3, 4, 5], 2)', [[1, 2], [3, 4], [5]]],
    ['$uuid() = $uuid()', false],
    ['$match($uuid(), /^[0-9a-f-]{36}$/).index', 0],
  ])('has what Step Functions adds to JSONata: %s', async (source, expected) => {
    expect(JSON.parse(JSON.stringify(await evaluate(source)))).toEqual(expected);
  });

  test('knows the functions of JSONata 2.0.6, every one', async () => {
    for (const name of jsonataFunctions) expect(await jsonata(`$exists($${name})`).evaluate({})).toBe(true);
    expect(jsonataFunctions.has('eval')).toBe(false);
  });
});
