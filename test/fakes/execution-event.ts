import type { Run } from '../../functions/shared/contract.ts';

export const STATE_MACHINE = 'arn:aws:states:eu-central-1:111122223333:stateMachine:hundredfold';
export const executionArn = (name: string) => `${STATE_MACHINE.replace(':stateMachine:', ':execution:')}:${name}`;

/**
 * EventBridge's event of an execution that ended, as it was seen in Step Functions' developer guide, "Automating Step Functions event delivery
 * with EventBridge": `input` is null, and `inputDetails` says so, where it was too large.
 */
export function executionEvent(run: Run, status: string, detail: Record<string, unknown> = {}) {
  const name = `${run.runId}-${run.attempt}`;
  return {
    version: '0',
    id: '315c1398-40ff-a850-213b-158f73e60175',
    'detail-type': 'Step Functions Execution Status Change',
    source: 'aws.states',
    account: '111122223333',
    time: '2026-11-24T01:00:00Z',
    region: 'eu-central-1',
    resources: [executionArn(name)],
    detail: {
      executionArn: executionArn(name),
      stateMachineArn: STATE_MACHINE,
      name,
      status,
      startDate: 1_795_478_398_000,
      stopDate: 1_795_482_000_000,
      input: JSON.stringify(run) as string | null,
      output: null,
      inputDetails: { included: true },
      outputDetails: null,
      error: status === 'ABORTED' ? null : 'States.Runtime',
      cause: null,
      ...detail,
    },
  };
}

/** That of an execution whose input was too large for the event. */
export const withoutInput = { input: null, inputDetails: { included: false } };

/** That of a child of a distributed map of the execution. */
export const ofChild = (label: string) => ({
  executionArn: `${executionArn(label).replace(`:${label}`, `/${label}`)}:3c5b5e5a-0a0b-3a7e-8a5e-1f2d3c4b5a69`,
  stateMachineArn: `${STATE_MACHINE}/${label}`,
  name: '3c5b5e5a-0a0b-3a7e-8a5e-1f2d3c4b5a69',
  input: '{"BatchInput":{},"Items":[]}',
});
