import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { Bucket } from './bucket.ts';
import { listObjects, listVersions } from './list-objects.ts';
import { abortUpload, completeUpload, createUpload, uploadPart } from './multipart-operations.ts';
import { copyObject, deleteObject, deleteObjects, getObject, putObject, type S3Answer } from './object-operations.ts';
import { type Operation, parseTarget, type S3Request } from './request.ts';
import { decodeBody, readRaw } from './request-body.ts';
import { S3Error, type S3ErrorCode } from './s3-error.ts';
import { textOf } from './xml.ts';

export interface S3ServerOptions {
  /** The buckets there are, by name. */
  buckets: Record<string, { isVersioned: boolean }>;
}

/** What goes wrong with the next requests for an operation. */
export type Fault = { operation: Operation; times: number } & (
  | { kind: 'error'; code: S3ErrorCode }
  /** The connection ends behind so many bytes of the answer's body. */
  | { kind: 'cut'; afterBytes: number }
  /** The operation is done and the connection ends without an answer. */
  | { kind: 'lostAnswer' }
  /** No answer comes until the client gives up. */
  | { kind: 'silence' }
);

export interface LoggedRequest {
  operation: Operation;
  bucket: string;
  key: string;
  headers: Record<string, string>;
  query: Record<string, string>;
  /** Requests for the same operation under way when this one came, itself included. */
  inFlight: number;
  /** undefined while it is under way, and where no whole answer was sent. */
  status: number | undefined;
}

export interface S3Server {
  readonly endpoint: string;
  /** For `createS3Client`, which then talks to this server with invented credentials. */
  readonly clientConfig: S3ClientConfig;
  readonly requests: LoggedRequest[];
  /** @throws Error: there is no such bucket. */
  bucket(name: string): Bucket;
  inject(fault: Fault): void;
  /** Makes DeleteObjects answer AccessDenied for the key. */
  forbidDelete(key: string): void;
  close(): Promise<void>;
}

/** A server in this process that speaks as much of S3's protocol as the project uses, path-style, and answers 501 to the rest. */
export async function startS3Server({ buckets: described }: S3ServerOptions): Promise<S3Server> {
  const buckets = new Map(Object.entries(described).map(([name, { isVersioned }]) => [name, new Bucket(isVersioned)]));
  const requests: LoggedRequest[] = [];
  const faults: Fault[] = [];
  const forbidden = new Set<string>();
  const underWay = new Map<Operation, number>();

  const bucketNamed = (name: string): Bucket => {
    const bucket = buckets.get(name);
    if (bucket === undefined) throw new S3Error('NoSuchBucket', 'The specified bucket does not exist');
    return bucket;
  };

  const run = (request: S3Request): S3Answer => {
    if (request.operation === 'CreateBucket') {
      if (buckets.has(request.bucket)) throw new S3Error('InvalidRequest', 'The bucket is there already');
      buckets.set(request.bucket, new Bucket(false));
      return {};
    }
    const bucket = bucketNamed(request.bucket);
    const handlers: Record<Exclude<Operation, 'CreateBucket'>, () => S3Answer> = {
      PutBucketVersioning: () => {
        bucket.isVersioned = textOf(request.body.toString(), 'Status') === 'Enabled';
        return {};
      },
      PutObject: () => putObject(bucket, request),
      CopyObject: () => copyObject(bucket, request, bucketNamed),
      GetObject: () => getObject(bucket, request),
      HeadObject: () => getObject(bucket, request),
      DeleteObject: () => deleteObject(bucket, request),
      DeleteObjects: () => deleteObjects(bucket, request, forbidden),
      ListObjectsV2: () => listObjects(bucket, request),
      ListObjectVersions: () => listVersions(bucket, request),
      CreateMultipartUpload: () => createUpload(bucket, request),
      UploadPart: () => uploadPart(bucket, request),
      CompleteMultipartUpload: () => completeUpload(bucket, request),
      AbortMultipartUpload: () => abortUpload(bucket, request),
    };
    return handlers[request.operation]();
  };

  const takeFault = (operation: Operation): Fault | undefined => {
    const fault = faults.find((candidate) => candidate.operation === operation && candidate.times > 0);
    if (fault !== undefined) fault.times -= 1;
    return fault;
  };

  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const target = parseTarget(message);
    const { operation, bucket, key, headers } = target;
    const inFlight = (underWay.get(operation) ?? 0) + 1;
    underWay.set(operation, inFlight);
    response.once('close', () => underWay.set(operation, underWay.get(operation)! - 1));
    const logged: LoggedRequest = {
      operation,
      bucket,
      key,
      headers,
      query: Object.fromEntries(target.query),
      inFlight,
      status: undefined,
    };
    response.once('finish', () => {
      logged.status = response.statusCode;
    });
    requests.push(logged);

    const raw = await readRaw(message);
    const fault = takeFault(operation);
    if (fault?.kind === 'silence') return;
    if (fault?.kind === 'error') throw new S3Error(fault.code);
    const answer = run({ ...target, ...decodeBody(raw, headers) });
    if (fault?.kind === 'lostAnswer') response.destroy();
    else if (fault?.kind === 'cut') cut(response, answer, fault.afterBytes);
    else send(response, answer);
  };

  const server = createServer((message, response) => {
    serve(message, response).catch((error: unknown) => {
      if (response.destroyed) return;
      const known = error instanceof S3Error ? error : new S3Error('InternalError', String(error));
      const isHead = message.method === 'HEAD';
      send(response, { status: known.status, headers: known.headers, body: isHead ? '' : known.document });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    endpoint,
    clientConfig: {
      endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'invented' },
    },
    requests,
    bucket: bucketNamed,
    inject: (fault) => {
      faults.push({ ...fault });
    },
    forbidDelete: (key) => {
      forbidden.add(key);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(response: ServerResponse, { status = 200, headers = {}, body = '' }: S3Answer): void {
  response.writeHead(status, { 'content-length': String(Buffer.byteLength(body)), 'x-amz-request-id': 'test', ...headers });
  response.end(body);
}

function cut(response: ServerResponse, { status = 200, headers = {}, body = '' }: S3Answer, afterBytes: number): void {
  response.writeHead(status, { 'content-length': String(Buffer.byteLength(body)), ...headers });
  response.write(Buffer.from(body).subarray(0, afterBytes), () => response.destroy());
}
