import { SFNClient } from '@aws-sdk/client-sfn';
import { runningExecutions } from '../shared/adapters/sfn-running.ts';
import { systemClock } from '../shared/clock.ts';
import { readEnv } from '../shared/env.ts';
import { lambdaHandler } from '../shared/pipeline-handler.ts';
import { watchRuns } from './watch-runs.ts';

const { stateMachine } = readEnv(['stateMachine']);
const running = () => runningExecutions(new SFNClient(), stateMachine);

export const handler = lambdaHandler((_, { log, metrics }) => watchRuns({ running, clock: systemClock, log, metrics }));
