import { randomUUID } from 'node:crypto';
import { type Bucket, etagOf, type Upload, type UploadedPart } from './bucket.ts';
import type { S3Answer } from './object-operations.ts';
import { assertLength, metadataOf, type S3Request } from './request.ts';
import { crc32Of } from './request-body.ts';
import { S3Error } from './s3-error.ts';
import { contentsOf, element, text, textOf, xmlDocument } from './xml.ts';

const LEAST_PART_BYTES = 5 * 1024 * 1024;
const MOST_PARTS = 10_000;

export function createUpload(bucket: Bucket, request: S3Request): S3Answer {
  const algorithm = request.headers['x-amz-checksum-algorithm'];
  if (algorithm !== undefined && algorithm !== 'CRC32') throw new S3Error('NotImplemented', `Checksum ${algorithm}`);
  const uploadId = randomUUID();
  bucket.uploads.set(uploadId, {
    key: request.key,
    metadata: metadataOf(request.headers),
    contentType: request.headers['content-type'] ?? 'binary/octet-stream',
    hasChecksums: algorithm !== undefined,
    parts: new Map(),
  });
  const fields = element('Bucket', request.bucket) + element('Key', text(request.key)) + element('UploadId', uploadId);
  return { body: xmlDocument('InitiateMultipartUploadResult', fields) };
}

export function uploadPart(bucket: Bucket, request: S3Request): S3Answer {
  assertLength(request.headers);
  const number = Number(request.query.get('partNumber'));
  if (!Number.isInteger(number) || number < 1 || number > MOST_PARTS) throw new S3Error('InvalidArgument', 'partNumber');
  const { body, crc32 } = request;
  const etag = etagOf(body);
  uploadOf(bucket, request).parts.set(number, { body, etag, crc32 });
  return { headers: { etag, ...(crc32 && { 'x-amz-checksum-crc32': crc32 }) } };
}

export function completeUpload(bucket: Bucket, request: S3Request): S3Answer {
  if (request.headers['if-none-match'] !== undefined) throw new S3Error('NotImplemented', 'CompleteMultipartUpload with If-None-Match');
  const upload = uploadOf(bucket, request);
  const parts = partsNamed(request.body.toString(), upload);
  const body = Buffer.concat(parts.map((part) => part.body));
  const etag = `${etagOf(Buffer.concat(parts.map((part) => Buffer.from(part.etag.slice(1, -1), 'hex')))).slice(0, -1)}-${parts.length}"`;
  const checksums = Buffer.concat(parts.map((part) => Buffer.from(part.crc32 ?? '', 'base64')));
  const crc32 = upload.hasChecksums ? `${crc32Of(checksums)}-${parts.length}` : undefined;
  bucket.uploads.delete(request.query.get('uploadId')!);
  const versionId = bucket.put(request.key, { body, etag, crc32, metadata: upload.metadata, contentType: upload.contentType });
  const fields = element('Bucket', request.bucket) + element('Key', text(request.key)) + element('ETag', text(etag));
  return {
    headers: versionId === undefined ? {} : { 'x-amz-version-id': versionId },
    body: xmlDocument('CompleteMultipartUploadResult', fields),
  };
}

export function abortUpload(bucket: Bucket, request: S3Request): S3Answer {
  uploadOf(bucket, request);
  bucket.uploads.delete(request.query.get('uploadId')!);
  return { status: 204 };
}

function uploadOf(bucket: Bucket, { key, query }: S3Request): Upload {
  const upload = bucket.uploads.get(query.get('uploadId') ?? '');
  if (upload?.key !== key) throw new S3Error('NoSuchUpload', 'The specified multipart upload does not exist.');
  return upload;
}

/** The uploaded parts that a completion names. @throws S3Error: order, tag, checksum or size is not what S3 accepts. */
function partsNamed(xml: string, upload: Upload): UploadedPart[] {
  const named = contentsOf(xml, 'Part');
  if (named.length === 0) throw new S3Error('InvalidRequest', 'You must specify at least one part');
  const numbers = named.map((content) => Number(textOf(content, 'PartNumber')));
  if (numbers.some((number, index) => index > 0 && number <= numbers[index - 1]!)) throw new S3Error('InvalidPartOrder');
  return named.map((content, index) => {
    const number = numbers[index]!;
    const part = upload.parts.get(number);
    if (part === undefined || part.etag !== textOf(content, 'ETag')) throw new S3Error('InvalidPart', `Part ${number}`);
    if (upload.hasChecksums && part.crc32 === undefined) throw new S3Error('InvalidRequest', `Part ${number} was sent without a checksum`);
    if (upload.hasChecksums && textOf(content, 'ChecksumCRC32') !== part.crc32) {
      throw new S3Error('InvalidRequest', `The complete request must include the checksum for each part: part ${number}`);
    }
    if (index < named.length - 1 && part.body.length < LEAST_PART_BYTES) throw new S3Error('EntityTooSmall');
    return part;
  });
}
