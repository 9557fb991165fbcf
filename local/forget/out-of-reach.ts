import { QUERY_RESULTS_PREFIX } from '../../functions/shared/object-keys.ts';
import type { RunPlace } from '../run-place.ts';

/** Where words may be that this program put nowhere, or cannot tell from others: one sentence each. */
export function outOfReach({ stack }: Pick<RunPlace, 'stack'>): string[] {
  const everywhere = [
    'The file itself, wherever it came from, and copies of summaries that people or programs made, listeners to events among them.',
    'What the model endpoint keeps of requests: its owner says for how long.',
  ];
  if (!stack) {
    return [
      ...everywhere,
      'Half-written files of a process that was killed, in .tmp of each bucket: they go a day later, when the next run writes there.',
      'Comparisons, each with a sample of its file, in the folder compare of this one: remove that folder, or name it with --out.',
      'Backups and snapshots of this disk.',
    ];
  }
  return [
    ...everywhere,
    `Query results of Athena in s3://${stack.results.bucket}/${QUERY_RESULTS_PREFIX}, which nothing maps to runs: they expire after 30 days, --query-results removes all of them now. Tables that queries made lie there, too.`,
    'Parts of uploads that were never completed: S3 removes them a day later.',
    'What a function of an execution that was stopped in the last 15 minutes still writes: run this command again then.',
    'Names of keys, without words of texts, in access logs, in the history of executions, in CloudTrail and in the control table; logs in CloudWatch have no words.',
    'Replicas, backups and snapshots of the buckets, where you have set up some.',
  ];
}

/**
 * What stays when one row is forgotten.
 * @param groups that it was in. A key of several rows cannot go with one of them, and tables are joined by it.
 */
export const leftOfRow = (groups: ReadonlySet<string>): string[] => [
  'Rows of other ids are left as they are, whatever their words, and so is what no run has read.',
  'Rejected records have no id: those that name it are emptied in runs that have the row, and left in others (table rejected_rows).',
  ...[...groups]
    .filter((group) => group !== '')
    .map((group) => `The key of its group stays, in group_key: ${JSON.stringify(group)}. Where that is a word of the row, forget the run.`),
];
