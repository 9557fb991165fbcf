import { describe, expect, test } from '@jest/globals';
import { variedNames, waysOf, withoutDoubles } from '../../../local/compare/ways.ts';

describe('the ways of a comparison', () => {
  test('are every value with every other, in the order in which they were named', () => {
    expect(waysOf({ batchRows: [50, 100], model: ['a', 'b'], instruction: ['do it'] })).toEqual([
      { batchRows: 50, model: 'a', instruction: 'do it' },
      { batchRows: 50, model: 'b', instruction: 'do it' },
      { batchRows: 100, model: 'a', instruction: 'do it' },
      { batchRows: 100, model: 'b', instruction: 'do it' },
    ]);
    expect(waysOf({ instruction: ['one', 'two'] })).toEqual([{ instruction: 'one' }, { instruction: 'two' }]);
  });

  test('are refused where there is one, or more than anybody reads', () => {
    for (const values of [{}, { batchRows: [50] }, { batchRows: [50], model: ['a'] }])
      expect(() => waysOf(values)).toThrow(/^One way alone compares nothing: give several values of --batch-size/);
    const many = { batchRows: [1, 2, 3, 4, 5], model: ['a', 'b', 'c'] };
    expect(() => waysOf(many)).toThrow('These are 15 ways, every value with every other; 12 are compared at most: leave some out.');
    expect(waysOf({ batchRows: [1, 2, 3, 4], model: ['a', 'b', 'c'] })).toHaveLength(12);
  });

  test('a value that is named twice is one value', () => {
    expect(withoutDoubles({ batchRows: [50, 100, 50], model: ['a'] })).toEqual({ batchRows: [50, 100], model: ['a'] });
    expect(() => waysOf(withoutDoubles({ batchRows: [50, 50] }))).toThrow('One way alone');
  });

  test('differ in what has several values', () => {
    expect(variedNames({ instruction: ['one', 'two'], batchRows: [50, 100], model: ['a'] })).toEqual(['batchRows', 'instruction']);
  });
});
