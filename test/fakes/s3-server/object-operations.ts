import { type Bucket, etagOf, type StoredObject } from './bucket.ts';
import { assertLength, metadataOf, type S3Request } from './request.ts';
import { S3Error } from './s3-error.ts';
import { contentsOf, element, text, textOf, xmlDocument } from './xml.ts';

export interface S3Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: Buffer | string;
}

const versionHeader = (bucket: Bucket, versionId: string | undefined): Record<string, string> =>
  bucket.isVersioned && versionId !== undefined ? { 'x-amz-version-id': versionId } : {};

export function putObject(bucket: Bucket, { key, body, headers, crc32 }: S3Request): S3Answer {
  assertLength(headers);
  if (headers['if-match'] !== undefined) throw new S3Error('NotImplemented', 'PutObject with If-Match');
  if (![undefined, '*'].includes(headers['if-none-match'])) throw new S3Error('NotImplemented', 'If-None-Match other than *');
  if (headers['if-none-match'] === '*' && bucket.current(key) !== undefined) throw new S3Error('PreconditionFailed');
  const contentType = headers['content-type'] ?? 'binary/octet-stream';
  const object = { body, etag: etagOf(body), crc32, metadata: metadataOf(headers), contentType };
  const versionId = bucket.put(key, object);
  return { headers: { etag: object.etag, ...(crc32 && { 'x-amz-checksum-crc32': crc32 }), ...versionHeader(bucket, versionId) } };
}

/** GetObject and HeadObject: the same headers, with or without the bytes. */
export function getObject(bucket: Bucket, { key, headers, query }: S3Request): S3Answer {
  if (headers['if-none-match'] !== undefined) throw new S3Error('NotImplemented', 'If-None-Match on a read');
  const { object, versionId } = bucket.find(key, query.get('versionId') ?? undefined);
  if (headers['if-match'] !== undefined && headers['if-match'] !== object.etag) throw new S3Error('PreconditionFailed');
  const range = rangeOf(headers.range, object.body.length);
  const body = range === undefined ? object.body : object.body.subarray(range.start, range.end);
  const isChecked = headers['x-amz-checksum-mode'] === 'ENABLED' && range === undefined;
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      'accept-ranges': 'bytes',
      'content-length': String(body.length),
      'content-type': object.contentType,
      'last-modified': new Date(0).toUTCString(),
      etag: object.etag,
      ...(range && { 'content-range': `bytes ${range.start}-${range.end - 1}/${object.body.length}` }),
      ...(isChecked && object.crc32 !== undefined && { 'x-amz-checksum-crc32': object.crc32 }),
      ...Object.fromEntries(Object.entries(object.metadata).map(([name, value]) => [`x-amz-meta-${name}`, value])),
      ...versionHeader(bucket, versionId),
    },
    body,
  };
}

/** Bytes `[start, end)` of a Range header, undefined where S3 ignores it. @throws S3Error InvalidRange: it starts behind the object. */
function rangeOf(header: string | undefined, bytes: number): { start: number; end: number } | undefined {
  if (header === undefined) return undefined;
  const match = /^bytes=(\d+)-(\d*)$/.exec(header);
  if (match === null) throw new S3Error('NotImplemented', `Range ${header}`);
  const start = Number(match[1]);
  const last = match[2] === '' ? bytes - 1 : Number(match[2]);
  if (match[2] !== '' && last < start) return undefined;
  if (start >= bytes) throw new S3Error('InvalidRange', 'The requested range is not satisfiable', { 'content-range': `bytes */${bytes}` });
  return { start, end: Math.min(last + 1, bytes) };
}

export function copyObject(bucket: Bucket, { key, headers }: S3Request, bucketNamed: (name: string) => Bucket): S3Answer {
  const source = decodeURIComponent(headers['x-amz-copy-source']!.replaceAll('+', ' ')).replace(/^\//, '');
  const slash = source.indexOf('/');
  const { object } = bucketNamed(source.slice(0, slash)).find(source.slice(slash + 1), undefined);
  const copied: StoredObject = { ...object, etag: etagOf(object.body) };
  const versionId = bucket.put(key, copied);
  const content = element('ETag', text(copied.etag)) + element('LastModified', new Date(0).toISOString());
  return { headers: versionHeader(bucket, versionId), body: xmlDocument('CopyObjectResult', content) };
}

export function deleteObject(bucket: Bucket, { key, query }: S3Request): S3Answer {
  bucket.delete(key, query.get('versionId') ?? undefined);
  return { status: 204 };
}

/** @param forbidden keys that this caller may not delete. */
export function deleteObjects(bucket: Bucket, { body, crc32 }: S3Request, forbidden: ReadonlySet<string>): S3Answer {
  if (crc32 === undefined) throw new S3Error('InvalidRequest', 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*');
  const xml = body.toString();
  const isQuiet = textOf(xml, 'Quiet') === 'true';
  const objects = contentsOf(xml, 'Object');
  if (objects.length > 1000) throw new S3Error('InvalidRequest', 'More than 1000 keys');
  let results = '';
  for (const object of objects) {
    const key = textOf(object, 'Key')!;
    const keyElement = element('Key', text(key));
    if (forbidden.has(key)) {
      results += element('Error', keyElement + element('Code', 'AccessDenied') + element('Message', 'Access Denied'));
    } else {
      bucket.delete(key, textOf(object, 'VersionId'));
      if (!isQuiet) results += element('Deleted', keyElement);
    }
  }
  return { body: xmlDocument('DeleteResult', results) };
}
