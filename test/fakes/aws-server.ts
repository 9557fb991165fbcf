import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { type LoopbackServer, loopbackServer, type ReceivedRequest } from '../functions/shared/adapters/loopback-server.ts';
import { element, text } from './s3-server/xml.ts';

interface StartedExecution {
  input: string;
  status: string;
  startDate: number;
}

/** Few, so that whoever lists has to go on. */
const LISTED_AT_ONCE = 2;

export interface AwsServer {
  url: string;
  /** Executions by their ARN. Those that Step Functions has forgotten are deleted by the test. */
  executions: Map<string, StartedExecution>;
  /** Calls in order: `StartExecution`, `DescribeExecution`, `ListExecutions`, `DescribeStacks`. */
  calls: string[];
  /** Outputs of the stacks there are, by stack and name. */
  stacks: Map<string, Record<string, string>>;
  /** What the next call of that name is answered with instead: an AWS error. */
  failNext(call: string, error: { status: number; name: string; message: string }): void;
  close(): Promise<void>;
}

/**
 * A server that speaks the calls that the command line makes: StartExecution, DescribeExecution and ListExecutions of Step Functions (JSON 1.0), and
 * DescribeStacks of CloudFormation (query and XML). Everything else is a 501.
 */
export async function startAwsServer(): Promise<AwsServer> {
  const executions: AwsServer['executions'] = new Map();
  const stacks: AwsServer['stacks'] = new Map();
  const calls: string[] = [];
  const failures = new Map<string, { status: number; name: string; message: string }>();

  const stepFunctions: Record<string, (input: Record<string, string>) => unknown> = {
    StartExecution({ stateMachineArn = '', name = '', input = '' }) {
      if (!/^[A-Za-z0-9_-]{1,80}$/.test(name)) throw awsError('InvalidName', name);
      const executionArn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
      const standing = executions.get(executionArn);
      if (standing && (standing.status !== 'RUNNING' || standing.input !== input)) throw awsError('ExecutionAlreadyExists', executionArn);
      const execution = standing ?? { input, status: 'RUNNING', startDate: Date.now() / 1000 };
      executions.set(executionArn, execution);
      return { executionArn, startDate: execution.startDate };
    },
    DescribeExecution({ executionArn = '' }) {
      const execution = executions.get(executionArn);
      if (!execution) throw awsError('ExecutionDoesNotExist', `Execution Does Not Exist: '${executionArn}'`);
      const { status, startDate, input } = execution;
      const stateMachineArn = executionArn.replace(':execution:', ':stateMachine:').replace(/:[^:]+$/, '');
      return { executionArn, stateMachineArn, status, startDate, input, inputDetails: { included: true } };
    },
    ListExecutions({ stateMachineArn = '', statusFilter, nextToken = '0' }) {
      const prefix = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:`;
      const found = [...executions]
        .filter(([arn, { status }]) => arn.startsWith(prefix) && (statusFilter === undefined || status === statusFilter))
        .sort(([, one], [, other]) => other.startDate - one.startDate)
        .map(([executionArn, { status, startDate }]) => ({ executionArn, name: executionArn.slice(prefix.length), status, startDate }));
      const end = Number(nextToken) + LISTED_AT_ONCE;
      return { executions: found.slice(Number(nextToken), end), ...(end < found.length && { nextToken: String(end) }) };
    },
  };

  function replyOfStepFunctions(call: string, request: ReceivedRequest, response: ServerResponse): void {
    const send = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
    const failure = failures.get(call);
    failures.delete(call);
    try {
      if (failure) throw Object.assign(awsError(failure.name, failure.message), { status: failure.status });
      const handler = stepFunctions[call];
      if (!handler) throw Object.assign(awsError('NotImplemented', call), { status: 501 });
      send(200, handler(JSON.parse(request.body)));
    } catch (error) {
      const { name, message, status } = error as Error & { status: number };
      send(status, { __type: `com.amazonaws.swf.service.v2.model#${name}`, message });
    }
  }

  function replyOfCloudFormation(call: string, parameters: URLSearchParams, response: ServerResponse): void {
    const send = (status: number, body: string) => response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
    const name = parameters.get('StackName') ?? '';
    const outputs = stacks.get(name);
    const failure =
      failures.get(call) ??
      (call !== 'DescribeStacks' ? { status: 501, name: 'NotImplemented', message: call } : undefined) ??
      (outputs ? undefined : { status: 400, name: 'ValidationError', message: `Stack with id ${name} does not exist` });
    failures.delete(call);
    if (failure) {
      const error = element('Type', 'Sender') + element('Code', failure.name) + element('Message', text(failure.message));
      send(failure.status, `<ErrorResponse>${element('Error', error)}${element('RequestId', randomUUID())}</ErrorResponse>`);
      return;
    }
    const members = Object.entries(outputs ?? {}).map(([key, value]) =>
      element('member', element('OutputKey', key) + element('OutputValue', text(value))),
    );
    const stack =
      element('StackName', name) +
      element('CreationTime', new Date(0).toISOString()) +
      element('StackStatus', 'CREATE_COMPLETE') +
      element('Outputs', members.join(''));
    const result = element('DescribeStacksResult', element('Stacks', element('member', stack)));
    send(200, `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">${result}</DescribeStacksResponse>`);
  }

  const server: LoopbackServer = await loopbackServer((request, response) => {
    const target = request.headers['x-amz-target'];
    const parameters = new URLSearchParams(request.body);
    const call = target === undefined ? (parameters.get('Action') ?? '') : (String(target).split('.')[1] ?? '');
    calls.push(call);
    if (target === undefined) replyOfCloudFormation(call, parameters, response);
    else replyOfStepFunctions(call, request, response);
  });
  return {
    url: server.url,
    executions,
    calls,
    stacks,
    failNext: (call, error) => void failures.set(call, error),
    close: () => server.close(),
  };
}

const awsError = (name: string, message: string) => Object.assign(new Error(message), { name, status: 400 });
