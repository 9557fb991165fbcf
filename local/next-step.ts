import { shellQuoted } from './figures.ts';
import type { RunRecord } from './local-run.ts';
import { DEFAULT_OUT } from './setting-flags.ts';
import { causeOf } from './system-error.ts';

/** The command that goes on with a run, with more flags behind its own. */
export type Again = (...more: string[]) => string;

/**
 * The command that was given, as it is to be typed again: by the npm script that ran it, or by the program's own name.
 * @param argv from the command's name on.
 */
export function commandLine(argv: readonly string[], env: Record<string, string | undefined>): string {
  const [command, ...flags] = argv.map(shellQuoted);
  const script = env.npm_lifecycle_event;
  if (script === 'start' ? command === 'run' : script !== undefined && script === command) {
    return [script === 'start' ? 'npm start' : `npm run ${script}`, ...(flags.length > 0 ? ['--', ...flags] : [])].join(' ');
  }
  return ['hundredfold', ...argv.map(shellQuoted)].join(' ');
}

export const outFlag = (out: string) => (out === DEFAULT_OUT ? '' : ` --out ${shellQuoted(out)}`);

/** What to do about a run that did not end complete, null where its verdict says it. */
export function nextStep(record: RunRecord, again: Again, out: string): string | null {
  const runId = String(record.run_id);
  switch (record.status) {
    case 'halted':
      return haltedStep(record, again);
    case 'partial':
      return Number(record.batches_failed) > 0
        ? `To ask again for what failed: npm run redrive -- ${runId}${outFlag(out)}`
        : `What failed, and why: npm run query --${outFlag(out)} --named failures --run ${runId}`;
    case 'failed':
      return `When the cause is mended, go on: ${again()}`;
    default:
      return null;
  }
}

function haltedStep({ stop_reason: reason, estimated_cost_usd: estimate, settings }: RunRecord, again: Again): string {
  const code = /^[a-z_]+/.exec(String(reason))?.[0];
  switch (code) {
    case 'interrupted':
      return `To go on: ${again()}`;
    case 'budget_exceeded': {
      const { maxCostUsd } = JSON.parse(String(settings)) as { maxCostUsd: number | null };
      return `To go on with a higher cap: ${again('--max-cost-usd', higherCap(maxCostUsd ?? 0, Number(estimate ?? 0)))}`;
    }
    case 'quota_exhausted':
      return `The endpoint says that quota or credit is used up. When there is some again, go on: ${again()}`;
    case 'model_access':
      return `The endpoint refuses the key or the model. Check OPENAI_API_KEY, OPENAI_BASE_URL and --model (npm run doctor), then go on: ${again()}`;
    case 'storage':
      return `${causeOf(String(reason).split(': ')[1])} Then go on: ${again()}`;
    default:
      return `When the cause is mended, go on: ${again()}`;
  }
}

/** What the whole run may cost by its estimate, where that is more than the cap; else twice the cap. In two digits, rounded up. */
function higherCap(cap: number, estimate: number): string {
  const wanted = estimate > cap ? estimate : 2 * cap;
  const digit = 10 ** (Math.floor(Math.log10(wanted)) - 1);
  return String(Number((Math.ceil(wanted / digit) * digit).toPrecision(2)));
}
