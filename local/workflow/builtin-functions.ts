import { createHash, randomUUID } from 'node:crypto';
import type jsonata from 'jsonata';

/** Functions that JSONata 2.0.6 brings along. `$eval` is missing on purpose: Step Functions has none. */
export const jsonataFunctions: ReadonlySet<string> = new Set(
  `sum count max min average string substring substringBefore substringAfter lowercase uppercase length trim pad match contains
  replace split join formatNumber formatBase formatInteger parseInteger number floor ceil round abs sqrt power boolean not map zip
  filter single reduce sift keys lookup append exists spread merge reverse each error assert type sort shuffle distinct base64encode
  base64decode encodeUrlComponent encodeUrl decodeUrlComponent decodeUrl toMillis fromMillis clone now millis`.split(/\s+/),
);

const hashNames: Record<string, string> = { MD5: 'md5', 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' };

function hash(text: string, algorithm: string): string {
  const name = hashNames[algorithm];
  if (name === undefined) throw new Error(`$hash knows ${Object.keys(hashNames).join(', ')}, not ${algorithm}`);
  return createHash(name).update(text).digest('hex');
}

/** Numbers from `first` to `last`, both included where the step hits them. */
function range(first: number, last: number, step: number): number[] {
  if (step === 0) throw new Error('$range needs a step other than 0');
  return Array.from({ length: Math.max(0, Math.floor((last - first) / step) + 1) }, (_, index) => first + index * step);
}

function partition(items: unknown[], size: number): unknown[][] {
  if (!Number.isInteger(size) || size < 1) throw new Error('$partition needs a whole size of at least 1');
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
}

/** What Step Functions adds to JSONata, but for `$random` with its seed. Source: transforming-data.html, "JSONata functions". */
export const stepFunctions: ReadonlyMap<string, { implementation: (...values: never[]) => unknown; signature: string }> = new Map([
  ['parse', { implementation: (text: string) => JSON.parse(text), signature: '<s:x>' }],
  ['hash', { implementation: hash, signature: '<ss:s>' }],
  ['uuid', { implementation: () => randomUUID(), signature: '<:s>' }],
  ['range', { implementation: range, signature: '<nnn:a>' }],
  ['partition', { implementation: partition, signature: '<an:a>' }],
]);

export function registerStepFunctions(expression: jsonata.Expression): void {
  for (const [name, { implementation, signature }] of stepFunctions) {
    expression.registerFunction(name, implementation as (...values: unknown[]) => unknown, signature);
  }
}
