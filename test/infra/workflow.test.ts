import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import { getLanguageService } from 'amazon-states-language-service';
import jsonata from 'jsonata';
import { EventRefusedError } from '../../functions/shared/adapters/eventbridge-event-sink.ts';
import { stepContracts } from '../../functions/shared/contract.ts';
import { workflowDefinition } from '../../infra/workflow.ts';

const require = createRequire(import.meta.url);
const validate = require('asl-validator');
// The language service wants documents of this package and brings it along.
const { TextDocument } = createRequire(require.resolve('amazon-states-language-service'))('vscode-languageserver-textdocument');

const functions = Object.fromEntries(
  Object.keys(stepContracts).map((step) => [step, `arn:aws:lambda:eu-central-1:123456789012:function:${step}`]),
) as Parameters<typeof workflowDefinition>[0]['functions'];
const definition = workflowDefinition({ functions, workBucket: 'work-bucket' });

async function complaintsOf(asl: unknown): Promise<string[]> {
  const document = TextDocument.create('file:///workflow.asl.json', 'json', 1, JSON.stringify(asl));
  const service = getLanguageService({});
  const diagnostics = await service.doValidation(document, service.parseJSONDocument(document));
  return diagnostics.map(({ message }) => (typeof message === 'string' ? message : message.value));
}

/** Every text of the definition between `{%` and `%}`. */
function expressionsOf(value: unknown): string[] {
  if (typeof value === 'string') return /^\{%(.*)%\}$/s.exec(value)?.slice(1) ?? [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(expressionsOf) : [];
}

describe('workflow definition', () => {
  test('is valid for asl-validator', () => {
    expect(validate(definition)).toMatchObject({ isValid: true, errors: [] });
  });

  test('is valid for the states language service', async () => {
    expect(await complaintsOf(definition)).toEqual([]);
  });

  test('would not be valid for either with a state that leads nowhere', async () => {
    const broken = { ...definition, StartAt: 'Nowhere' };
    expect(validate(broken).isValid).toBe(false);
    expect(await complaintsOf(broken)).not.toEqual([]);
  });

  test.each([...new Set(expressionsOf(definition))])('%s is JSONata', (expression) => {
    expect(() => jsonata(expression)).not.toThrow();
  });

  test.each(['plan-batches', 'finish-run'] as const)('%s is tried again when the bus has not taken its event', (step) => {
    const { name } = new EventRefusedError('ThrottlingException');
    const { Retry } = definition.States[step];
    const deciding = Retry.find(({ ErrorEquals }) => ErrorEquals.some((pattern) => pattern === name || pattern === 'States.ALL'));
    expect(deciding?.MaxAttempts).toBeGreaterThan(1);
  });
});
