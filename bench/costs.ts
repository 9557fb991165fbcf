import { readFileSync, writeFileSync } from 'node:fs';
import { costPage, pricesSchema } from './costs/cost-page.ts';
import { type Counts, countedRun } from './costs/counted-run.ts';
import { countsAt } from './scale/counts-at.ts';

/** `npm run costs [-- --count ROWS]`: writes docs/costs.md from the counts that are kept, or from a new run of so many rows. */
const file = (path: string) => new URL(path, import.meta.url);
const countsFile = file('results/costs.json');

const [flag, rows] = process.argv.slice(2);
if (flag !== undefined && (flag !== '--count' || !(Number(rows) > 0))) {
  console.error('Usage: npm run costs [-- --count ROWS]');
  process.exit(2);
}
if (flag === '--count') writeFileSync(countsFile, `${JSON.stringify(await countedRun(Number(rows)), null, 2)}\n`);
const counts = JSON.parse(readFileSync(countsFile, 'utf8')) as Counts;
const prices = pricesSchema.parse(JSON.parse(readFileSync(file('prices.json'), 'utf8')));
writeFileSync(file('../docs/costs.md'), costPage(counts, countsAt(1_000_000, counts), prices));
console.log('docs/costs.md is written.');
