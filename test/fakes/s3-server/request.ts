import type { IncomingMessage } from 'node:http';
import { S3Error } from './s3-error.ts';

export interface S3Request {
  operation: Operation;
  bucket: string;
  key: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  body: Buffer;
  /** CRC-32 of the body that the request carried and that was found right, base64. */
  crc32: string | undefined;
}

/** Query parameters that each operation understands; the SDK adds `x-id`. */
const operations = {
  CreateBucket: [],
  PutBucketVersioning: ['versioning'],
  PutObject: [],
  CopyObject: [],
  GetObject: ['versionId'],
  HeadObject: ['versionId'],
  DeleteObject: ['versionId'],
  DeleteObjects: ['delete'],
  ListObjectsV2: ['list-type', 'prefix', 'continuation-token', 'max-keys', 'delimiter', 'start-after', 'encoding-type'],
  ListObjectVersions: ['versions', 'prefix', 'key-marker', 'version-id-marker', 'max-keys', 'encoding-type'],
  CreateMultipartUpload: ['uploads'],
  UploadPart: ['partNumber', 'uploadId'],
  CompleteMultipartUpload: ['uploadId'],
  AbortMultipartUpload: ['uploadId'],
} as const;
export type Operation = keyof typeof operations;

const knownHeaders = new Set(
  `accept accept-encoding accept-language amz-sdk-invocation-id amz-sdk-request authorization connection content-encoding content-length
  content-type expect host if-match if-none-match range sec-fetch-mode transfer-encoding user-agent x-amz-checksum-algorithm
  x-amz-checksum-crc32 x-amz-checksum-mode x-amz-content-sha256 x-amz-copy-source x-amz-date x-amz-decoded-content-length
  x-amz-sdk-checksum-algorithm x-amz-trailer x-amz-user-agent`.split(/\s+/),
);

/** What a request asks for. @throws S3Error NotImplemented: it holds a header or parameter that this server does not act on. */
export function parseTarget(message: IncomingMessage): Omit<S3Request, 'body' | 'crc32'> {
  // Not through URL, which would fold `..` in keys.
  const [path = '', search = ''] = (message.url ?? '').split('?', 2);
  const [bucket = '', ...segments] = path.slice(1).split('/').map(decodeURIComponent);
  const key = segments.join('/');
  const query = new URLSearchParams(search);
  const headers = headersOf(message);
  const operation = operationOf(message.method ?? '', key, query, headers);
  const known: readonly string[] = operations[operation];
  for (const name of query.keys()) {
    if (name !== 'x-id' && !known.includes(name)) throw new S3Error('NotImplemented', `${operation} with parameter ${name}`);
  }
  return { operation, bucket, key, query, headers };
}

function headersOf(message: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    if (typeof value !== 'string' || !(knownHeaders.has(name) || name.startsWith('x-amz-meta-'))) {
      throw new S3Error('NotImplemented', `Header ${name}`);
    }
    headers[name] = value;
  }
  return headers;
}

function operationOf(method: string, key: string, query: URLSearchParams, headers: Record<string, string>): Operation {
  const isBucket = key === '';
  if (method === 'GET' && isBucket && query.has('versions')) return 'ListObjectVersions';
  if (method === 'GET') return isBucket ? 'ListObjectsV2' : 'GetObject';
  if (method === 'HEAD' && !isBucket) return 'HeadObject';
  if (method === 'DELETE' && !isBucket) return query.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject';
  if (method === 'POST' && isBucket && query.has('delete')) return 'DeleteObjects';
  if (method === 'POST' && !isBucket && query.has('uploads')) return 'CreateMultipartUpload';
  if (method === 'POST' && !isBucket && query.has('uploadId')) return 'CompleteMultipartUpload';
  if (method === 'PUT' && isBucket) return query.has('versioning') ? 'PutBucketVersioning' : 'CreateBucket';
  if (method === 'PUT' && !isBucket && query.has('uploadId')) return 'UploadPart';
  if (method === 'PUT' && !isBucket) return headers['x-amz-copy-source'] === undefined ? 'PutObject' : 'CopyObject';
  throw new S3Error('NotImplemented', `${method} of ${isBucket ? 'a bucket' : 'an object'} with ${[...query.keys()]}`);
}

/** @throws S3Error MissingContentLength: the request does not say how long the object or part is. */
export function assertLength(headers: Record<string, string>): void {
  const length = headers['x-amz-decoded-content-length'] ?? headers['content-length'];
  if (length === undefined) throw new S3Error('MissingContentLength', 'You must provide the Content-Length HTTP header.');
}

/** User metadata of an upload, names without their prefix. */
export const metadataOf = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.startsWith('x-amz-meta-'))
      .map(([name, value]) => [name.slice('x-amz-meta-'.length), value]),
  );
