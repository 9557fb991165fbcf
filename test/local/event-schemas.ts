import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type RunEventType, runEventTypes } from '../../functions/shared/run-event.ts';
import { schemaFileName } from '../../local/event-reference.ts';

const ajv = new Ajv2020({ strict: true, allErrors: true });
const schemas = new Map(
  runEventTypes.map((type) => {
    const schema = JSON.parse(readFileSync(new URL(`../../docs/events/${schemaFileName(type)}`, import.meta.url), 'utf8'));
    return [type, { validate: ajv.compile(schema), fields: fieldsOf(schema) }];
  }),
);

interface Schema {
  properties?: Record<string, Schema>;
}

/** Paths of all fields that a schema names. */
function fieldsOf({ properties = {} }: Schema, path = ''): string[] {
  return Object.entries(properties).flatMap(([name, inner]) => [path + name, ...fieldsOf(inner, `${path}${name}.`)]);
}

const pathsOf = (value: unknown, path = ''): string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, inner]) => [path + name, ...pathsOf(inner, `${path}${name}.`)])
    : [];

/** What is wrong with a detail by its shipped schema; fields that the schema does not name are wrong, too. */
export function detailProblems(type: string, detail: object): string[] {
  const schema = schemas.get(type as RunEventType);
  if (!schema) return [`There is no schema of ${type}`];
  const problems = schema.validate(detail) ? [] : (schema.validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
  return [...problems, ...pathsOf(detail).flatMap((path) => (schema.fields.includes(path) ? [] : [`${path} is not in the schema`]))];
}

export type LocalEvent = { type: string; time: string; runId: string; eventId: string; query: string } & Record<string, unknown>;

/** The events of an out folder, in the order in which they were published. */
export const eventsIn = (out: string): LocalEvent[] =>
  readFileSync(`${out}/events.jsonl`, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
