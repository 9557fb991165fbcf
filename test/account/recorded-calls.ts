import { AsyncLocalStorage } from 'node:async_hooks';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient } from '@aws-sdk/client-sfn';

/** One command that a client of the SDK was asked to send. */
export interface ApiCall {
  /** Whose role it needs: a step, or the workflow. */
  caller: string;
  /** `S3Client`, `DynamoDBClient` ... */
  client: string;
  /** `GetObjectCommand` ... */
  command: string;
  input: Record<string, unknown>;
  /** Name of the error that it ended with, null where it was answered. */
  error: string | null;
}

const callers = new AsyncLocalStorage<string>();

/** Runs work whose calls are those of the caller, whatever else runs meanwhile. */
export const as = <Result>(caller: string, work: () => Result): Result => callers.run(caller, work);

interface Stack {
  add(
    middleware: (
      next: (args: unknown) => Promise<unknown>,
      context: Record<string, string>,
    ) => (args: { input: never }) => Promise<unknown>,
    options: { step: 'initialize'; name: string },
  ): void;
}
interface AnyClient {
  middlewareStack: Stack;
  send(...args: unknown[]): unknown;
}

/**
 * Keeps every call of every client of this process that `as` has given a caller, by a middleware of the SDK. Clients are made where the handlers
 * are loaded, so each gets the middleware with the first command that it is asked to send.
 */
export function recordCalls(): { calls: ApiCall[]; stop(): void } {
  const prototypes = [S3Client, DynamoDBClient, EventBridgeClient, SecretsManagerClient, SFNClient].map((client) =>
    Object.getPrototypeOf(client.prototype),
  );
  const [base] = prototypes as [AnyClient];
  if (prototypes.some((prototype) => prototype !== base)) throw new Error('The clients of the SDK have no class in common');
  const calls: ApiCall[] = [];
  const watched = new WeakSet<AnyClient>();
  const { send } = base;
  base.send = function (this: AnyClient, ...args: unknown[]) {
    if (!watched.has(this)) {
      watched.add(this);
      this.middlewareStack.add(
        (next, { clientName = '', commandName = '' }) =>
          async (args) => {
            const caller = callers.getStore();
            if (caller === undefined) return next(args);
            const call: ApiCall = { caller, client: clientName, command: commandName, input: args.input, error: null };
            calls.push(call);
            try {
              return await next(args);
            } catch (error) {
              call.error = (error as Error).name;
              throw error;
            }
          },
        { step: 'initialize', name: 'recordCalls' },
      );
    }
    return send.apply(this, args);
  };
  return {
    calls,
    stop: () => {
      base.send = send;
    },
  };
}
