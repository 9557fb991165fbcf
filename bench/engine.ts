import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { shareOfFunction } from '../functions/plan-batches/plan-batches.ts';
import { type Contender, RESIDENT_MIB, runInTurn } from './contenders.ts';
import { digits, medianOf, nodeOptions, prepare, program, whole } from './programs.ts';
import { markdownTable } from './results.ts';
import { openSession } from './session.ts';

/** The local engine on the deployed definition with functions that do nothing, beside a loop over the same manifest. */

const {
  sizes: { few, many, most, repetitions },
  folder,
  say,
  finish,
} = openSession({ name: 'engine', defaults: { few: 10_000, many: 100_000, most: 1_000_000, repetitions: 3 }, packages: ['jsonata'] });
const FUNCTIONS_AT_ONCE = 100;

interface Ran {
  seconds: number;
  batches: number;
  children: number;
}

const results = [few, many, most].map((batches) => {
  const times = batches === most ? 1 : repetitions;
  say(`${whole(batches)} batches ...`);
  const out = join(folder, 'out');
  prepare('engine/manifest.ts', out, String(batches));
  const contender = (name: string, what: string, perFunction: number): Contender => ({
    name,
    args: [...nodeOptions, program('engine/empty-run.ts'), what, out, String(perFunction), String(FUNCTIONS_AT_ONCE)],
  });
  const share = shareOfFunction(batches);
  const contenders = [
    contender('engine, a batch a function', 'engine', 1),
    ...(share > 1 ? [contender('engine, batches shared out as planned', 'engine', share)] : []),
    contender('loop over the manifest', 'loop', 1),
  ];
  const measured = runInTurn<Ran>(contenders, times);
  const wrong = measured.find(({ figures }) => figures.some((ran) => ran.batches !== batches));
  if (wrong) throw new Error(`${wrong.name} has not worked on ${batches} batches`);
  rmSync(out, { recursive: true });
  return { batches, measured };
});

const section = `${repetitions} times in turn, ${whole(most)} batches once; medians, and the most memory of any run.
${RESIDENT_MIB}. Seconds are those of the run, without the start of the program:

${markdownTable(
  results.flatMap(({ batches, measured }) =>
    measured.map((result) => {
      const seconds = medianOf(result, (ran) => ran.seconds);
      const { children } = result.printed as Ran;
      return {
        batches: whole(batches),
        program: result.name,
        functions: whole(children),
        s: digits(seconds),
        'batches/s': whole(batches / seconds),
        'microseconds a function': digits((1e6 * seconds) / children),
        MiB: whole(result.residentMb),
      };
    }),
  ),
)}

The engine reads the manifest from a directory, starts a child for each function, ${FUNCTIONS_AT_ONCE} at once, evaluates what is deployed, checks every payload's size, and writes the children's results.
The loop parses each line and calls the same empty function.`;
finish({ functionsAtOnce: FUNCTIONS_AT_ONCE, repetitions, results }, section);
