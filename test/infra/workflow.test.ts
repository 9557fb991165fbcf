import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import { getLanguageService } from 'amazon-states-language-service';
import { stepContracts } from '../../functions/shared/contract.ts';
import { workflowDefinition } from '../../infra/workflow.ts';

// A package of the language service's own, which brings it along.
const { TextDocument } = createRequire(createRequire(import.meta.url).resolve('amazon-states-language-service'))(
  'vscode-languageserver-textdocument',
);
const validate = createRequire(import.meta.url)('asl-validator');

const arnOf = (step: string) => `arn:aws:lambda:eu-central-1:123456789012:function:${step}`;
const functions = Object.fromEntries(Object.keys(stepContracts).map((step) => [step, arnOf(step)])) as Parameters<
  typeof workflowDefinition
>[0]['functions'];
const definition = () => workflowDefinition({ functions, workBucket: 'work-bucket' });

async function complaintsOf(asl: unknown): Promise<string[]> {
  const document = TextDocument.create('file:///workflow.asl.json', 'json', 1, JSON.stringify(asl));
  const service = getLanguageService({});
  const diagnostics = await service.doValidation(document, service.parseJSONDocument(document));
  return diagnostics.map(({ message }) => message);
}

describe('workflow definition', () => {
  test('is valid for asl-validator', () => {
    expect(validate(definition())).toMatchObject({ isValid: true, errors: [] });
  });

  test('is valid for the states language service', async () => {
    expect(await complaintsOf(definition())).toEqual([]);
  });

  test('both validators would notice a state that is not there', async () => {
    const broken = { ...definition(), StartAt: 'Nowhere' };
    expect(validate(broken).isValid).toBe(false);
    expect(await complaintsOf(broken)).not.toEqual([]);
  });
});
