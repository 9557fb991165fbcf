import { fileURLToPath } from 'node:url';
import { runInOwnGroup } from './own-group.ts';

interface Benchmark {
  /** What it measures. */
  what: string;
  /** How long it takes on two quiet cores. */
  takes: string;
}

const benchmarks: Record<string, Benchmark> = {
  plan: { what: 'planning and explain in every format, beside the bare parsers', takes: '15 minutes' },
  spark: { what: 'the Spark pattern that this replaces, beside hundredfold run: 10,000 rows', takes: '14 minutes' },
  'spark-large': { what: 'the same with 100,000 rows', takes: '17 minutes' },
  'spark-faults': { what: 'the same under faults of the model and after a kill', takes: '11 minutes' },
  limit: { what: 'calls in flight, beside the least time that they can take', takes: '18 minutes' },
  instant: { what: 'a million rows and a model that takes no time, beside the least program', takes: '18 minutes' },
  quick: { what: 'a few points of these, beside those of the last time', takes: '2 minutes' },
  write: { what: 'writing the tables of a million rows, beside the bare writer and DuckDB', takes: '4 minutes' },
  ledger: { what: 'finish-run and its proof, beside reading the same files', takes: '2 minutes' },
  grouping: { what: 'planning by a group column, a million rows and ten, beside DuckDB', takes: '6 minutes' },
  limits: { what: 'the shared rate limit with 1, 2 and 8 runs at once', takes: '3 minutes' },
  engine: { what: 'the local workflow engine with functions that do nothing', takes: '5 minutes' },
  scale: { what: 'a hundred million rows against the limits of AWS, and what AWS takes', takes: '3 minutes' },
  cold: { what: "weight and import of the functions' bundles", takes: '2 minutes' },
};

/** `npm run bench -- NAME`: runs one benchmark of this folder. */
const [name, ...args] = process.argv.slice(2);
if (name === undefined || name === '--help') {
  const width = Math.max(...Object.keys(benchmarks).map(({ length }) => length));
  const lines = Object.entries(benchmarks).map(([known, { what, takes }]) => `  ${known.padEnd(width)}  ${what} (${takes})`);
  console.log(`Usage: npm run bench -- NAME\n\n${lines.join('\n')}\n\nResults: docs/benchmarks.md.`);
} else if (!Object.hasOwn(benchmarks, name)) {
  console.error(`There is no benchmark "${name}"; the benchmarks are: ${Object.keys(benchmarks).join(', ')}.`);
  process.exitCode = 2;
} else {
  runInOwnGroup(fileURLToPath(new URL(`${name}.ts`, import.meta.url)), args);
}
