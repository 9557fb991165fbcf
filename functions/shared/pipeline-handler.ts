import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type { StepName } from './contract.ts';
import { envNames } from './env.ts';
import { DEADLINE_RESERVE_MS } from './limits.ts';
import { emfMetrics, type Metrics, noMetrics } from './metrics.ts';
import type { Log } from './ports.ts';
import { framesOf, runStep, type StepInput, type StepOutput, withoutWords } from './step.ts';

export interface Invocation {
  /** Aborts shortly before the function's deadline. */
  signal: AbortSignal;
  log: Log;
  metrics: Metrics;
  /** Whether so little time is left that work should stop where another invocation can go on. */
  isTimeShort: () => boolean;
}

/** Time between the abort and the deadline, for requests in flight to end. */
const ABORT_BEFORE_DEADLINE_MS = 2_000;

/** The one middleware stack: log lines with the invocation's identity, abort before the deadline, errors without words. */
export function lambdaHandler<Result>(work: (event: unknown, invocation: Invocation, logger: Logger) => Promise<Result>) {
  const logger = new Logger();
  const deployment = process.env[envNames.deployment];
  // Straight to the stream: the runtime's console would wrap the lines.
  const metrics = deployment ? emfMetrics({ deployment, write: (line) => process.stdout.write(line) }) : noMetrics;
  return middy({ timeoutEarlyInMillis: ABORT_BEFORE_DEADLINE_MS })
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .onError((request) => {
      const bare = withoutWords(request.error);
      logger.error('step failed', { error: { name: bare.name, code: bare.message, frames: framesOf(request.error) } });
      // Not thrown here: middy would hang the original on it, words and all, and skip what clears the logger's keys.
      request.error = bare;
    })
    .handler(async (event: unknown, context: Context, { signal }: { signal: AbortSignal }) => {
      const isTimeShort = () => context.getRemainingTimeInMillis() < DEADLINE_RESERVE_MS;
      const log: Log = {
        info: (message, fields = {}) => logger.info(message, fields),
        warn: (message, fields = {}) => logger.warn(message, fields),
      };
      return work(event, { signal, log, metrics, isTimeShort }, logger);
    });
}

/**
 * The Lambda handler of a step of the workflow. `inputOf` turns the event of another caller into the step's input, undefined for one that does not
 * concern the step: nothing is done then.
 */
export function pipelineHandler<Name extends StepName>(
  name: Name,
  work: (input: StepInput<Name>, invocation: Invocation) => Promise<StepOutput<Name>>,
  inputOf: (event: unknown) => unknown | Promise<unknown> = (event) => event,
) {
  return lambdaHandler(async (event, invocation, logger) => {
    const payload = await inputOf(event);
    if (payload === undefined) {
      logger.info('event left alone');
      return undefined;
    }
    return runStep(name, payload, (input) => {
      logger.appendKeys(subjectOf(input));
      return work(input, invocation);
    });
  });
}

/** What every line of a step's log is about. A line on one of several batches names it, too. */
function subjectOf(input: StepInput<StepName>): Record<string, unknown> {
  const { runId, attempt, dataset } = input.run;
  const batches = 'batches' in input ? { batchLevel: input.batches[0]?.level, batchIds: input.batches.map(({ batchId }) => batchId) } : {};
  return { runId, attempt, dataset, ...batches };
}
