import type { ServerResponse } from 'node:http';
import { type LoopbackServer, loopbackServer } from '../functions/shared/adapters/loopback-server.ts';
import { athenaHandlers, awsFailure, type QueryAnswer } from './athena-handlers.ts';
import { element, text } from './s3-server/xml.ts';

export interface AccountServer {
  url: string;
  /** Calls in order: `GetCallerIdentity`, `GetSecretValue`, `StartQueryExecution` ... */
  calls: string[];
  /** Values of the secrets there are, by name. */
  secrets: Map<string, string>;
  /** What the next call of that name is answered with instead: an AWS error. */
  failNext(call: string, error: { status: number; name: string; message: string }): void;
  /** Settings of the environment that lead the SDK here. */
  env: Record<string, string>;
  close(): Promise<void>;
}

/**
 * A server that speaks GetCallerIdentity of STS (query and XML), GetSecretValue of Secrets Manager, and Athena's calls (JSON 1.1). Everything else is a 501.
 */
export async function startAccountServer(answer: QueryAnswer = async () => ({ columns: [], rows: [] })): Promise<AccountServer> {
  const calls: string[] = [];
  const secrets: AccountServer['secrets'] = new Map();
  const failures = new Map<string, { status: number; name: string; message: string }>();

  const json: Record<string, (input: Record<string, never>) => unknown> = {
    GetSecretValue({ SecretId = '' }) {
      const SecretString = secrets.get(SecretId);
      if (SecretString === undefined)
        throw awsFailure(400, 'ResourceNotFoundException', "Secrets Manager can't find the specified secret value");
      return { ARN: SecretId, Name: SecretId, SecretString };
    },
    ...athenaHandlers(answer),
  };

  async function replyJson(call: string, body: string, response: ServerResponse): Promise<void> {
    const send = (status: number, value: unknown) =>
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(value));
    try {
      const planned = failures.get(call);
      failures.delete(call);
      if (planned) throw awsFailure(planned.status, planned.name, planned.message);
      const handler = json[call];
      if (!handler) throw awsFailure(501, 'NotImplemented', call);
      send(200, await handler(JSON.parse(body)));
    } catch (error) {
      const { name, message, status } = error as Error & { status: number };
      send(status, { __type: name, message });
    }
  }

  function replyOfSts(call: string, response: ServerResponse): void {
    const send = (status: number, body: string) => response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
    const planned =
      failures.get(call) ?? (call === 'GetCallerIdentity' ? undefined : { status: 501, name: 'NotImplemented', message: call });
    failures.delete(call);
    if (planned) {
      const error = element('Type', 'Sender') + element('Code', planned.name) + element('Message', text(planned.message));
      send(planned.status, `<ErrorResponse>${element('Error', error)}${element('RequestId', 'test')}</ErrorResponse>`);
      return;
    }
    const result =
      element('Arn', 'arn:aws:iam::111122223333:user/somebody') + element('UserId', 'AIDAEXAMPLE') + element('Account', '111122223333');
    const body = element('GetCallerIdentityResult', result) + element('ResponseMetadata', element('RequestId', 'test'));
    send(200, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${body}</GetCallerIdentityResponse>`);
  }

  const server: LoopbackServer = await loopbackServer((request, response) => {
    const target = request.headers['x-amz-target'];
    const call = target === undefined ? (new URLSearchParams(request.body).get('Action') ?? '') : (String(target).split('.')[1] ?? '');
    calls.push(call);
    if (target === undefined) replyOfSts(call, response);
    else void replyJson(call, request.body, response);
  });
  return {
    url: server.url,
    calls,
    secrets,
    failNext: (call, error) => void failures.set(call, error),
    env: { AWS_ENDPOINT_URL_STS: server.url, AWS_ENDPOINT_URL_SECRETS_MANAGER: server.url, AWS_ENDPOINT_URL_ATHENA: server.url },
    close: () => server.close(),
  };
}
