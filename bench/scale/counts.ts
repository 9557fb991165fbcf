import { countedRun } from '../costs/counted-run.ts';

/** Prints what AWS would bill for a run of so many rows. */
process.stdout.write(`${JSON.stringify(await countedRun(Number(process.argv[2])))}\n`);
