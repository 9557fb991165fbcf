import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import type { Run } from '../functions/shared/contract.ts';
import { outcomeKey } from '../functions/shared/object-keys.ts';
import {
  EVENT_SOURCE,
  EVENT_VERSION,
  type EventCounts,
  eventDetailSchema,
  type RunEvent,
  type RunEventType,
  runEvent,
  runEventTypes,
} from '../functions/shared/run-event.ts';
import { defaultSettings } from '../functions/shared/settings.ts';

const page = new URL('../docs/events.md', import.meta.url);
const folder = new URL('../docs/events/', import.meta.url);

/** `run-completed.v1.json` */
export const schemaFileName = (type: RunEventType) => `${type.toLowerCase().replaceAll(' ', '-')}.v${EVENT_VERSION}.json`;

const run: Run = {
  runId: 'july-0123456789abcdef',
  attempt: 1,
  dataset: 'support',
  source: { bucket: 'hundredfold-input', key: 'support/2026/july.csv', versionId: 'eXaMpLeVeRsIoN', bytes: 4_200_000 },
  limit: null,
  endpoint: 'https://api.openai.com/v1',
  settings: defaultSettings,
};
const places = { date: '2026-11-26', resultsBucket: 'hundredfold-results', workBucket: 'hundredfold-work' };

const planned: EventCounts = {
  rowsIn: 25_000,
  rowsSummarized: 0,
  rowsFailed: 0,
  rowsRejected: 40,
  rowsSkipped: 0,
  batches: 250,
  batchesFailed: 0,
  calls: 0,
  costUsd: 0,
};
const unread: EventCounts = { ...planned, rowsIn: 0, rowsRejected: 0, batches: 0 };

/** One event of each type, about a run of 25,000 rows. */
export const exampleEvents: Record<RunEventType, RunEvent> = {
  'Run Started': runEvent(run, { ...places, status: 'started', counts: planned }),
  'Run Completed': runEvent(run, {
    ...places,
    status: 'complete',
    counts: { ...planned, rowsSummarized: 24_960, calls: 254, costUsd: 0.2218 },
    summaryKey: outcomeKey(run.runId, 2, 0),
  }),
  'Run Failed': runEvent(run, {
    ...places,
    status: 'failed',
    stopCode: 'nothing_summarized',
    counts: { ...planned, rowsFailed: 24_960, batchesFailed: 250 },
  }),
  'Run Halted': runEvent(run, {
    ...places,
    status: 'halted',
    stopCode: 'budget_exceeded',
    counts: { ...planned, rowsSummarized: 11_961, rowsFailed: 12_999, batchesFailed: 130, calls: 120, costUsd: 0.1049 },
  }),
  'Upload Rejected': runEvent(run, { ...places, status: 'rejected', stopCode: 'excel_workbook', counts: unread }),
};

/** An event as EventBridge hands it to a target. */
export const delivered = ({ type, detail }: RunEvent) => ({
  version: '0',
  id: '6a7e8feb-b491-4cf7-a9f1-bf3703467718',
  'detail-type': type,
  source: EVENT_SOURCE,
  account: '123456789012',
  time: '2026-11-26T12:00:00Z',
  region: 'eu-central-1',
  resources: [],
  detail,
});

/** The JSON schema of a type's detail, as it is shipped, with an example in it. */
export function schemaFile(type: RunEventType): string {
  // Seen from the listener: fields that a later version of the program adds are no error.
  const { $schema, ...schema } = z.toJSONSchema(eventDetailSchema(type), { target: 'draft-2020-12', io: 'input' });
  const $id = `urn:hundredfold:event:${schemaFileName(type).replace('.json', '')}`;
  const head = { $schema, $id, title: type, description: `The detail of an event of the type "${type}" of the source ${EVENT_SOURCE}.` };
  return `${JSON.stringify({ ...head, ...schema, examples: [exampleEvents[type].detail] }, null, 2)}\n`;
}

const section = /(<!-- events:begin -->\n)[\s\S]*?(<!-- events:end -->)/;

const exampleOf = (type: RunEventType) =>
  `### ${type}\n\nDetail: [${schemaFileName(type)}](events/${schemaFileName(type)})\n\n\`\`\`json\n${JSON.stringify(delivered(exampleEvents[type]), null, 2)}\n\`\`\`\n`;

/** A page with its examples brought up to date. */
export const withExamples = (text: string) =>
  text.replace(section, (_, begin: string, end: string) => `${begin}${runEventTypes.map(exampleOf).join('\n')}${end}`);

if (import.meta.main) {
  mkdirSync(folder, { recursive: true });
  for (const type of runEventTypes) writeFileSync(new URL(schemaFileName(type), folder), schemaFile(type));
  writeFileSync(page, withExamples(readFileSync(page, 'utf8')));
}
