import { describe, expect, test } from '@jest/globals';
import { loadWorkflow } from '../../../local/workflow/definition.ts';
import { WorkflowDefinitionError } from '../../../local/workflow/definition-problems.ts';
import { machine, map, task } from './run.ts';

const pass = { Type: 'Pass', End: true };

function problems(definition: unknown): readonly string[] {
  try {
    loadWorkflow(definition);
  } catch (error) {
    if (error instanceof WorkflowDefinitionError) return error.problems;
    throw error;
  }
  return [];
}

function edited(state: Record<string, unknown>, path: string[], value: unknown): Record<string, unknown> {
  const copy = structuredClone(state);
  let target = copy;
  for (const name of path.slice(0, -1)) target = target[name] as Record<string, unknown>;
  target[path.at(-1) ?? ''] = value;
  return copy;
}

const fullMap = map({
  Label: 'Items',
  Comment: 'all fields',
  ItemSelector: { value: '{% $states.context.Map.Item.Value %}' },
  ItemBatcher: { MaxItemsPerBatch: '{% $states.input.size %}', MaxInputBytesPerBatch: 1000, BatchInput: { run: 1 } },
  MaxConcurrency: '{% $states.input.width %}',
  ToleratedFailurePercentage: 100,
  ResultWriter: {
    Resource: 'arn:aws-cn:states:::s3:putObject',
    Arguments: { Bucket: 'work', Prefix: 'out' },
    WriterConfig: { OutputType: 'JSONL', Transformation: 'COMPACT' },
  },
  Retry: [{ ErrorEquals: ['States.ALL'], JitterStrategy: 'FULL' }],
  Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Done', Output: '{% $states.errorOutput %}' }],
});

describe('a definition', () => {
  test('with every supported field is taken', () => {
    const states = { Items: fullMap, Done: { Type: 'Succeed' } };
    expect(problems({ ...machine(states), Comment: 'c', Version: '1.0', TimeoutSeconds: 60 })).toEqual([]);
  });

  test('names the functions it calls, those of children too', () => {
    const workflow = loadWorkflow(
      machine({
        First: task({ Next: 'Items' }),
        Items: map({}, { Inner: task({ Arguments: { FunctionName: 'inner' } }) }),
      }),
    );
    expect([...workflow.functionNames].sort()).toEqual(['inner', 'work']);
  });

  test('may leave members undefined, as its JSON text does', () => {
    expect(problems(machine({ Only: { ...pass, Output: undefined, Retry: undefined } }))).toEqual([]);
  });

  test.each([
    ['no object', 7, 'the workflow: '],
    ['JSONPath', { ...machine({ Only: pass }), QueryLanguage: 'JSONPath' }, 'field "QueryLanguage": must be "JSONata"'],
    ['an unknown top-level field', { ...machine({ Only: pass }), Timeout: 1 }, 'the workflow: field "Timeout" is not supported'],
    ['a StartAt that is no state', { ...machine({ Only: pass }), StartAt: 'Other' }, 'field "StartAt": no state "Other"'],
  ])('is refused: %s', (_, definition, message) => {
    expect(problems(definition).join('\n')).toContain(message);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['a Parallel', { Type: 'Parallel', End: true }, 'state "Only": Type "Parallel" is not supported'],
    ['a type named like a method of every object', { Type: 'toString' }, 'state "Only": Type "toString" is not supported'],
    ...['Parameters', 'ResultPath', 'InputPath', 'OutputPath', 'ResultSelector', 'QueryLanguage', 'HeartbeatSeconds', 'Credentials'].map(
      (field): [string, Record<string, unknown>, string] => [
        field,
        task({ [field]: '$.a' }),
        `state "Only" (Task): field "${field}" is not supported`,
      ],
    ),
    ['Result in a Pass', { ...pass, Result: 1 }, 'field "Result" is not supported'],
    ['Timestamp in a Wait', { Type: 'Wait', Timestamp: 'x', End: true }, 'field "Timestamp" is not supported'],
    ['a Wait without Seconds', { Type: 'Wait', End: true }, 'state "Only" (Wait): field "Seconds"'],
    ['a negative Wait', { Type: 'Wait', Seconds: -1, End: true }, 'field "Seconds": Too small: expected number to be >=0'],
    ['Seconds as a plain string', { Type: 'Wait', Seconds: '3', End: true }, 'field "Seconds"'],
    ['Assign in a Succeed', { Type: 'Succeed', Assign: { a: 1 } }, 'field "Assign" is not supported'],
    ['Next in a Fail', { Type: 'Fail', Next: 'Only' }, 'field "Next" is not supported'],
    ['neither Next nor End', { Type: 'Pass' }, 'needs either Next or "End": true'],
    ['both Next and End', { Type: 'Pass', Next: 'Only', End: true }, 'needs either Next or "End": true'],
    ['a Next that is no state', { Type: 'Pass', Next: 'Nowhere' }, 'field "Next": no state "Nowhere"'],
    ['another resource', task({ Resource: 'arn:aws:states:::sqs:sendMessage' }), 'only arn:aws:states:::lambda:invoke is supported'],
    ['a callback', task({ Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken' }), 'field "Resource"'],
    ['other arguments', task({ Arguments: { FunctionName: 'f', Qualifier: 'x' } }), 'field "Arguments.Qualifier" is not supported'],
    ['a JSONPath choice', { Type: 'Choice', Choices: [{ Variable: '$.a', Next: 'Only' }] }, 'field "Choices[0].Variable" is not supported'],
    ['no choices', { Type: 'Choice', Choices: [] }, 'field "Choices"'],
    ['a condition in plain text', { Type: 'Choice', Choices: [{ Condition: 'yes', Next: 'Only' }] }, 'field "Choices[0].Condition"'],
    ['a choice to nowhere', { Type: 'Choice', Choices: [{ Condition: true, Next: 'X' }] }, 'field "Choices[0].Next": no state "X"'],
    [
      'a Default to nowhere',
      { Type: 'Choice', Choices: [{ Condition: true, Next: 'Only' }], Default: 'X' },
      'field "Default": no state "X"',
    ],
    ['a Catch to nowhere', task({ Catch: [{ ErrorEquals: ['A'], Next: 'X' }] }), 'field "Catch[0].Next": no state "X"'],
    ['ResultPath in a Catch', task({ Catch: [{ ErrorEquals: ['A'], Next: 'Only', ResultPath: '$' }] }), 'field "Catch[0].ResultPath"'],
    ['States.ALL in company', task({ Retry: [{ ErrorEquals: ['States.ALL', 'A'] }] }), 'States.ALL must stand alone'],
    ['States.ALL first', task({ Retry: [{ ErrorEquals: ['States.ALL'] }, { ErrorEquals: ['A'] }] }), 'States.ALL must come last'],
    [
      'States.ALL first in Catch',
      task({ Catch: ['States.ALL', 'A'].map((name) => ({ ErrorEquals: [name], Next: 'Only' })) }),
      'must come last',
    ],
    ['an unknown error of Step Functions', task({ Retry: [{ ErrorEquals: ['States.Timout'] }] }), 'is no error name of Step Functions'],
    ['no error names', task({ Retry: [{ ErrorEquals: [] }] }), 'field "Retry[0].ErrorEquals"'],
    ['a BackoffRate below 1', task({ Retry: [{ ErrorEquals: ['A'], BackoffRate: 0.5 }] }), 'field "Retry[0].BackoffRate"'],
    ['an interval of 0', task({ Retry: [{ ErrorEquals: ['A'], IntervalSeconds: 0 }] }), 'field "Retry[0].IntervalSeconds"'],
    [
      'a short MaxDelaySeconds',
      task({ Retry: [{ ErrorEquals: ['A'], IntervalSeconds: 5, MaxDelaySeconds: 5 }] }),
      'more than IntervalSeconds',
    ],
    ['another jitter', task({ Retry: [{ ErrorEquals: ['A'], JitterStrategy: 'HALF' }] }), 'field "Retry[0].JitterStrategy"'],
    ['a reserved variable', { ...pass, Assign: { states: 1 } }, 'the variable "states" is reserved'],
    ['a variable that is no name', { ...pass, Assign: { 'a b': 1 } }, 'is not a variable name'],
    ['Assign as an expression', { ...pass, Assign: '{% $states.input %}' }, 'field "Assign"'],
  ])('is refused: %s', (_, state, message) => {
    expect(problems(machine({ Only: state })).join('\n')).toContain(message);
  });

  test.each<[string, string[], unknown]>([
    ['ItemProcessor.ProcessorConfig.Mode', ['ItemProcessor', 'ProcessorConfig', 'Mode'], 'INLINE'],
    ['ItemProcessor.ProcessorConfig.ExecutionType', ['ItemProcessor', 'ProcessorConfig', 'ExecutionType'], 'EXPRESS'],
    ['ItemReader.Resource', ['ItemReader', 'Resource'], 'arn:aws:states:::s3:listObjectsV2'],
    ['ItemReader.ReaderConfig.InputType', ['ItemReader', 'ReaderConfig', 'InputType'], 'CSV'],
    ['ItemReader.ReaderConfig.MaxItems', ['ItemReader', 'ReaderConfig', 'MaxItems'], 5],
    ['ItemReader', ['ItemReader'], undefined],
    ['Items', ['Items'], [1, 2]],
    ['ItemsPath', ['ItemsPath'], '$.a'],
    ['ToleratedFailureCount', ['ToleratedFailureCount'], 1],
    ['ToleratedFailurePercentage', ['ToleratedFailurePercentage'], 101],
    ['MaxConcurrency', ['MaxConcurrency'], -1],
    ['ItemBatcher', ['ItemBatcher'], { BatchInput: 1 }],
    ['ItemBatcher.MaxItemsPerBatch', ['ItemBatcher', 'MaxItemsPerBatch'], 0],
    ['ItemBatcher.MaxItemsPerBatchPath', ['ItemBatcher', 'MaxItemsPerBatchPath'], '$.a'],
    ['ResultWriter.Arguments.Prefix', ['ResultWriter', 'Arguments', 'Prefix'], undefined],
    ['ResultWriter.WriterConfig.Transformation', ['ResultWriter', 'WriterConfig', 'Transformation'], 'ZIP'],
    ['Label', ['Label'], 'x'.repeat(41)],
    ['TimeoutSeconds', ['TimeoutSeconds'], 5],
  ])('is refused for a Map with another %s', (field, path, value) => {
    const states = { Items: edited(fullMap, path, value), Done: { Type: 'Succeed' } };
    expect(problems(machine(states))).toEqual([expect.stringContaining(`state "Items" (Map): field "${field}"`)]);
  });

  test('is refused for a state name of more than 80 characters', () => {
    expect(problems(machine({ ['x'.repeat(80)]: pass }))).toEqual([]);
    expect(problems(machine({ ['x'.repeat(81)]: pass })).join()).toContain('a state name has 80 characters at most');
  });

  test('is checked inside a Map, and the state is named by its path', () => {
    expect(problems(machine({ Items: map({}, { Inner: task({ Parameters: {} }) }) }))).toEqual([
      'state "Items/Inner" (Task): field "Parameters" is not supported',
    ]);
  });

  test('is refused with all its problems at once', () => {
    const definition = {
      ...machine({ A: { Type: 'Pass', Next: 'Z' }, B: { Type: 'Parallel' }, C: task({ Output: '{% 1 + %}' }) }),
      QueryLanguage: 'JSONPath',
      StartAt: 'Y',
    };
    expect(problems(definition)).toHaveLength(5);
  });
});

describe('expressions in a definition', () => {
  test.each<[string, Record<string, unknown>, string]>([
    [
      'a syntax error',
      { ...pass, Output: { a: ['{% 1 + %}'] } },
      'state "Only" (Pass): field "Output": the expression "1 +" is not JSONata',
    ],
    ['$eval', { ...pass, Output: '{% $eval("1") %}' }, '$eval is not supported'],
    ['$random', { ...pass, Output: '{% $random() %}' }, '$random is not supported'],
    ['an unknown function', { ...pass, Output: '{% $jsonParse("1") %}' }, '$jsonParse is assigned by no state'],
    [
      'a variable that no state assigns',
      { ...pass, Output: { deep: ['{% $runn.id %}'] } },
      'field "Output".deep[0]: $runn is assigned by no state',
    ],
    ['$states.result in a Pass', { ...pass, Output: '{% $states.result %}' }, '$states.result cannot be read here'],
    ['$states.result in Arguments', task({ Arguments: { FunctionName: 'f', Payload: '{% $states.result %}' } }), '$states.result cannot'],
    ['$states.errorOutput in Output', task({ Output: '{% $states.errorOutput %}' }), '$states.errorOutput cannot be read here'],
    [
      '$states.result in a Catch',
      task({ Catch: [{ ErrorEquals: ['A'], Next: 'Only', Output: '{% $states.result %}' }] }),
      'field "Catch[0].Output": $states.result cannot be read here',
    ],
    ['an unknown member of $states', { ...pass, Output: '{% $states.inputs %}' }, '$states.inputs cannot be read here'],
    ['the task token', { ...pass, Output: '{% $states.context.Task.Token %}' }, '$states.context.Task.Token cannot be read here'],
    ['an unknown member of the context', { ...pass, Output: '{% $states.context.Execution.Nam %}' }, 'Execution.Nam cannot be read here'],
    [
      'the map item outside a selector',
      map({ MaxConcurrency: '{% $states.context.Map.Item.Index %}' }),
      'Map.Item.Index cannot be read here',
    ],
  ])('are refused: %s', (_, state, message) => {
    expect(problems(machine({ Only: state })).join('\n')).toContain(message);
  });

  test('may bind names of their own', () => {
    const Output = '{% ( $double := function($n) { $n * 2 }; $map([1], $double)@$v#$i.{ "v": $v, "i": $i } ) %}';
    expect(problems(machine({ Only: { ...pass, Output } }))).toEqual([]);
  });

  test('of a Map child cannot read a variable of the workflow, which the Map itself can', () => {
    const child = { Inner: { Type: 'Pass', End: true, Output: '{% $run %}' } };
    const states = { First: { Type: 'Pass', Assign: { run: 1 }, Next: 'Items' }, Items: map({ ItemSelector: '{% $run %}' }, child) };
    expect(problems(machine(states))).toEqual([
      'state "Items/Inner" (Pass): field "Output": $run is assigned by no state that runs in the same execution',
    ]);
  });

  test('of the workflow cannot read a variable of a Map child', () => {
    const states = { Items: map({ Output: '{% $inner %}' }, { Inner: { ...pass, Assign: { inner: 1 } } }) };
    expect(problems(machine(states)).join()).toContain('$inner is assigned by no state');
  });
});
