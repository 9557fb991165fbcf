import { systemClock } from '../../functions/shared/clock.ts';
import { queryPlaceOf } from '../deployed-stack.ts';
import { byteSize, dollars } from '../figures.ts';
import { stackName } from '../run-place.ts';
import type { SqlEngine } from '../sql-engine.ts';
import { athenaCalls } from './athena-calls.ts';
import { type AthenaObserver, athenaEngine } from './athena-engine.ts';
import { scanPriceUsd } from './scan-price.ts';

/** A query that is quicker needs no word. */
const QUIET_SECONDS = 2;
/** Between two lines where they cannot be written over each other. */
const LINE_SECONDS = 10;

/**
 * Athena over the tables of a deployed stack, the default one where none is named; how a query goes, what it scanned and its price stand on stderr.
 * @throws ConfigError: there is no such stack.
 */
export async function openStackTables(stack: string | undefined): Promise<SqlEngine> {
  const name = stackName(stack);
  const place = await queryPlaceOf(name);
  const observer = stderrObserver(process.stderr);
  return athenaEngine(athenaCalls(place), { words: `stack ${name}`, clock: systemClock, observer });
}

export function stderrObserver(stderr: { isTTY?: boolean; write(text: string): unknown }): AthenaObserver {
  let saidAtSeconds = -Infinity;
  return {
    polled({ state, scannedBytes }, seconds) {
      if (seconds < QUIET_SECONDS) return;
      if (!stderr.isTTY && seconds < saidAtSeconds + LINE_SECONDS) return;
      saidAtSeconds = seconds;
      const line = `Athena: ${state.toLowerCase()}, ${Math.round(seconds)} s, ${byteSize(scannedBytes)} scanned`;
      stderr.write(stderr.isTTY ? `\r${line}\u001b[K` : `${line}\n`);
    },
    ended({ state, statementType, scannedBytes }) {
      if (stderr.isTTY && saidAtSeconds > 0) stderr.write('\r\u001b[K');
      saidAtSeconds = -Infinity;
      // What failed costs nothing, and says why by itself.
      if (state === 'FAILED') return;
      const price = statementType === 'DML' ? `, about ${dollars(scanPriceUsd(scannedBytes))}` : '';
      stderr.write(`${state === 'CANCELLED' ? 'The query is cancelled. ' : ''}Athena scanned ${byteSize(scannedBytes)}${price}\n`);
    },
  };
}
