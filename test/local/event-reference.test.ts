import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { runEvent, runEventTypes } from '../../functions/shared/run-event.ts';
import { exampleEvents, schemaFile, schemaFileName, withExamples } from '../../local/event-reference.ts';
import { sampleRun } from '../fakes/sample-run.ts';
import { detailProblems } from './event-schemas.ts';

const docs = (path: string) => readFileSync(new URL(`../../docs/${path}`, import.meta.url), 'utf8');

describe.each(runEventTypes)('%s', (type) => {
  test('has the shipped schema that its definition says (npm run docs brings it up to date)', () => {
    expect(docs(`events/${schemaFileName(type)}`)).toBe(schemaFile(type));
  });

  test('its example is valid by its own shipped schema and by no other', () => {
    const { detail } = exampleEvents[type];
    expect(runEventTypes.filter((other) => detailProblems(other, detail).length === 0)).toEqual([type]);
  });

  test.each(Object.keys(exampleEvents[type].detail))('without %s it would not be valid', (field) => {
    const { [field]: _, ...less } = exampleEvents[type].detail as Record<string, unknown>;
    expect(detailProblems(type, less)).toEqual([expect.stringContaining(field)]);
  });

  test('is described in the page', () => {
    expect(docs('events.md')).toContain(`| \`${type}\` |`);
  });
});

test('there is no schema of anything else', () => {
  expect(readdirSync(new URL('../../docs/events', import.meta.url)).sort()).toEqual(runEventTypes.map(schemaFileName).sort());
});

test('the page shows the examples as they are (npm run docs brings them up to date)', () => {
  expect(docs('events.md')).toBe(withExamples(docs('events.md')));
  for (const type of runEventTypes) expect(docs('events.md')).toContain(JSON.stringify(exampleEvents[type].detail.eventId));
});

test('an event holds nothing of the run but what the schema names', () => {
  const run = sampleRun({ settings: { instruction: 'said the customer' } });
  const counts = { ...exampleEvents['Run Started'].detail, notes: 'said the customer' };
  const event = runEvent(run, { status: 'halted', counts, date: '2026-11-26', resultsBucket: 'results', workBucket: 'work' });
  expect(detailProblems(event.type, event.detail)).toEqual([]);
  expect(JSON.stringify(event)).not.toContain('customer');
});

test('a code that is a sentence is refused: nothing that a customer wrote can take its place', () => {
  const { detail } = exampleEvents['Run Halted'];
  const moment = { counts: detail, date: '2026-11-26', resultsBucket: 'results', workBucket: 'work' };
  expect(() => runEvent(sampleRun(), { ...moment, status: 'halted', stopCode: 'july.csv is a PDF' })).toThrow();
});
