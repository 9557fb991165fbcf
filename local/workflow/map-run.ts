import { randomUUID } from 'node:crypto';
import { CancelledError } from './cancellation.ts';
import type { ChildResult } from './child-result.ts';
import { type Execution, scopeOf, timestamp, type Visit } from './execution.ts';
import type { Json } from './json.ts';
import { type MapInputs, openMapInputs } from './map-inputs.ts';
import { Slots } from './slots.ts';
import { StateError, stateErrors } from './state-error.ts';
import type { Machine, MapState } from './workflow.ts';

type RunMachine = (machine: Machine, input: Json, execution: Execution) => Promise<Json>;

/**
 * The value of `$states.result` after every item of a Distributed Map has run in a child execution of its own.
 * @throws StateError: States.ExceedToleratedFailureThreshold, States.ItemReaderFailed, States.ResultWriterFailed, States.DataLimitExceeded.
 */
export async function runMap(state: MapState, visit: Visit, retryCount: number, runMachine: RunMachine): Promise<Json> {
  const scope = scopeOf(visit, state.name, retryCount);
  const inputs = await openMapInputs(state, scope, visit.execution);
  return new MapRun(inputs, visit.execution, state, runMachine).run();
}

class MapRun {
  readonly #inputs: MapInputs;
  readonly #execution: Execution;
  readonly #state: MapState;
  readonly #runMachine: RunMachine;
  readonly #slots: Slots;
  #started = 0;
  #failed = 0;
  #allStarted = false;
  #failure: { error: unknown } | undefined;

  constructor(inputs: MapInputs, execution: Execution, state: MapState, runMachine: RunMachine) {
    this.#inputs = inputs;
    this.#execution = execution;
    this.#state = state;
    this.#runMachine = runMachine;
    this.#slots = new Slots(inputs.maxConcurrency);
  }

  async run(): Promise<Json> {
    const { cancellation } = this.#inputs;
    try {
      await this.#startChildren();
    } catch (error) {
      this.#fail(error);
    }
    this.#allStarted = true;
    this.#checkTolerance();
    await this.#slots.idle();
    cancellation.release();
    if (this.#failure === undefined) return this.#finish();
    await this.#closeFailed(this.#failure.error);
    throw this.#failure.error;
  }

  async #startChildren(): Promise<void> {
    for await (const input of this.#inputs.childInputs) {
      await this.#slots.take();
      if (this.#inputs.cancellation.reason) {
        this.#slots.free();
        throw this.#inputs.cancellation.reason;
      }
      void this.#runChild(this.#started++, input);
    }
  }

  /** Never rejects: what goes wrong outside the child's own states fails the whole run. */
  async #runChild(index: number, inputText: string): Promise<void> {
    try {
      const result = await this.#childResult(index, JSON.parse(inputText));
      await this.#inputs.sink.add(result);
      if (result.outcome.status === 'FAILED') {
        this.#failed++;
        this.#checkTolerance();
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#slots.free();
    }
  }

  async #childResult(index: number, input: Json): Promise<ChildResult> {
    const { environment, context } = this.#execution;
    const { cancellation } = this.#inputs;
    const name = randomUUID();
    const stateMachineArn = `${context.StateMachine.Id}/${this.#state.label}`;
    const executionArn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
    const startDate = timestamp(environment.clock);
    const child: Execution = {
      environment,
      cancellation,
      depth: 'child',
      context: {
        Execution: { Id: executionArn, Input: input, Name: name, RoleArn: context.Execution.RoleArn, StartTime: startDate },
        StateMachine: { Id: stateMachineArn, Name: `${context.StateMachine.Name}/${this.#state.label}` },
      },
    };
    let outcome: ChildResult['outcome'];
    try {
      outcome = { status: 'SUCCEEDED', output: await this.#runMachine(this.#state.processor, input, child) };
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      outcome = { status: 'FAILED', ...error.output };
    }
    return { index, executionArn, stateMachineArn, name, input, startDate, stopDate: timestamp(environment.clock), outcome };
  }

  /** The share of failed children is known only once all have started; before that, only a tolerance of 0 can be exceeded. */
  #checkTolerance(): void {
    const percentage = this.#inputs.toleratedFailurePercentage;
    const exceeded = this.#allStarted ? this.#failed * 100 > percentage * this.#started : percentage === 0 && this.#failed > 0;
    if (!exceeded) return;
    const cause = `${this.#failed} of ${this.#started} children failed, ${percentage} % are tolerated`;
    this.#fail(new StateError(stateErrors.exceedToleratedFailureThreshold, cause));
  }

  /** The first failure stays; children that still run are stopped. */
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#inputs.cancellation.cancel(new CancelledError('the map run has failed'));
  }

  async #finish(): Promise<Json> {
    try {
      return await this.#inputs.sink.finish();
    } catch (error) {
      await this.#inputs.sink.abandon();
      throw error;
    }
  }

  /** The results of a run that had too many failures are exported all the same: they tell what failed. */
  async #closeFailed(error: unknown): Promise<void> {
    const { sink } = this.#inputs;
    const isTooManyFailures = error instanceof StateError && error.errorName === stateErrors.exceedToleratedFailureThreshold;
    if (isTooManyFailures) await sink.finish().catch(() => sink.abandon());
    else await sink.abandon();
  }
}
