import { randomUUID } from 'node:crypto';
import { executionName } from '../functions/shared/attempt.ts';
import type { Clock } from '../functions/shared/ports.ts';
import type { AttemptHome, OwnerState } from './attempt-home.ts';
import type { DeployedStack } from './deployed-stack.ts';

/** Milliseconds for which Step Functions remembers an execution that ended. Source: developer guide, "Service quotas", execution history. */
const REMEMBERED_MS = 90 * 24 * 3_600 * 1_000;

const working = new Set(['RUNNING', 'PENDING_REDRIVE']);

/** Attempts are owned by the executions of a stack's state machine. */
export function executionHome({ work, executions }: Pick<DeployedStack, 'work' | 'executions'>, clock: Clock): AttemptHome {
  return {
    work,
    clock,
    ownerOf: (run) => ({ owner: executions.arnOf(executionName(run)), claimant: randomUUID() }),
    async ownerState(claim): Promise<OwnerState> {
      const status = await executions.statusOf(claim.owner);
      if (status === undefined) {
        const isForgotten = clock.now() - Date.parse(claim.acceptedAt) > REMEMBERED_MS;
        return isForgotten ? { kind: 'gone', ending: null } : { kind: 'unstarted' };
      }
      if (!working.has(status)) return { kind: 'gone', ending: status };
      const stop = `aws stepfunctions stop-execution --execution-arn ${claim.owner}`;
      return {
        kind: 'working',
        words: `Execution ${claim.owner.split(':').at(-1)} is working on this run. Wait until it ends, or stop it (${stop}).`,
      };
    },
  };
}
