import { expect, test } from '@jest/globals';
import type { SummaryRequest } from '../../../functions/shared/ports.ts';
import { contentKeyOf } from '../../../functions/summarize-batch/content.ts';

const request: SummaryRequest = {
  model: 'gpt-6-luna',
  messages: [
    { role: 'system', content: 'Your task: summarize.' },
    { role: 'user', content: '["a"]' },
  ],
  temperature: 0.3,
  maxOutputTokens: 250,
  serviceTier: null,
  format: null,
};
const keyOf = (changes: Partial<SummaryRequest>) => contentKeyOf('support', 'https://api.openai.com/v1', { ...request, ...changes });

test('plain requests keep the key under which their answers have been paid for', () => {
  expect(keyOf({})).toBe('summaries/support/7f/7f1a01b3ed85084e772c10246031245f10f96b2010c038ad0ca1935579383b42.json');
});

test('a format, its name and its schema are part of the key', () => {
  const keys = [
    keyOf({}),
    keyOf({ format: { name: 'a', schema: {} } }),
    keyOf({ format: { name: 'b', schema: {} } }),
    keyOf({ format: { name: 'a', schema: { type: 'object' } } }),
  ];
  expect(new Set(keys).size).toBe(4);
});
