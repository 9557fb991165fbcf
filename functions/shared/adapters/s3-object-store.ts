import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CopyObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { ObjectNotFound } from '../errors.ts';
import type { ByteRange, ObjectStore, ReadOptions } from '../ports.ts';
import { S3MultipartWriter } from './s3-multipart-writer.ts';
import { deleteObjects, plainKey } from './s3-requests.ts';

/** Times that a body may break in a row without a byte received. */
const BREAKS_IN_A_ROW = 4;
/** Times that a put is sent again while another writer holds the key (409). */
const CONFLICT_RETRIES = 5;
const FIRST_PAUSE_MS = 20;

/** Requests at once, as many as any step makes; the SDK's own limit is 50, and what is beyond it waits. */
const MAX_SOCKETS = 128;

/** A client whose silent connections end: a read that hangs would otherwise last as long as the function. */
export const createS3Client = (config: S3ClientConfig = {}): S3Client =>
  new S3Client({
    maxAttempts: 5,
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 30_000, httpsAgent: { maxSockets: MAX_SOCKETS } },
    ...config,
  });

/**
 * One bucket of S3.
 *
 * `head` and `get` give undefined for an absent key, which S3 tells from a forbidden one only if the caller may list the bucket. A
 * version that was asked for and is gone is an error, `ObjectNotFound`, from every method: whoever pins a version relies on it.
 * In a bucket without versions the version is `null`, which pins nothing.
 *
 * `putIfAbsent` may answer false for the caller's own object: when the answer to its first try was lost, the second finds it there.
 * A caller that must know reads the object and compares.
 */
export function s3ObjectStore(client: S3Client, bucket: string): ObjectStore {
  const open = async (key: string, { start = 0, end, etag, versionId, signal }: OpenOptions): Promise<OpenBody | undefined> => {
    const Range = start > 0 || end !== undefined ? `bytes=${start}-${end === undefined ? '' : end - 1}` : undefined;
    const command = new GetObjectCommand({ Bucket: bucket, Key: key, Range, IfMatch: etag, VersionId: versionId });
    try {
      const { Body, ContentLength, ETag } = await client.send(command, { abortSignal: signal });
      return { chunks: Body as AsyncIterable<Uint8Array>, position: start, end: start + (ContentLength ?? 0), etag: ETag };
    } catch (error) {
      if (isError(error, 'InvalidRange')) return { chunks: Readable.from([]), position: start, end: start, etag };
      if (isError(error, 'PreconditionFailed')) throw new ObjectNotFound(`"${key}" was replaced while it was read`, { cause: error });
      return absent(error, key, versionId);
    }
  };

  /** The body, opened again behind the last byte received whenever its connection breaks. */
  async function* resumed(key: string, first: OpenBody, options: ReadOptions): AsyncGenerator<Uint8Array> {
    const { end, etag } = first;
    let { position, chunks } = first;
    for (let breaks = 0; ; ) {
      try {
        for await (const chunk of chunks) {
          position += chunk.length;
          breaks = 0;
          yield chunk;
          options.signal?.throwIfAborted();
        }
        if (position === end) return;
        throw new Error(`"${key}" ended at byte ${position} of ${end}`);
      } catch (error) {
        options.signal?.throwIfAborted();
        if (position === end || ++breaks > BREAKS_IN_A_ROW) throw error;
      }
      await pause(breaks, options.signal);
      const next = await open(key, { ...options, start: position, end, etag });
      if (next === undefined) throw new ObjectNotFound(`"${key}" was removed while it was read`);
      chunks = next.chunks;
    }
  }

  const head: ObjectStore['head'] = async (key, { versionId, signal } = {}) => {
    try {
      const found = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }), { abortSignal: signal });
      return { bytes: found.ContentLength ?? 0, versionId: found.VersionId ?? 'null', metadata: found.Metadata ?? {} };
    } catch (error) {
      return absent(error, key, versionId);
    }
  };

  const get: ObjectStore['get'] = async (key, { range, ...options } = {}) => {
    // S3 has no way to ask for no bytes.
    if (range !== undefined && range.end <= range.start) return (await head(key, options)) && new Uint8Array();
    const first = await open(key, { ...range, ...options });
    if (first === undefined) return undefined;
    const chunks: Uint8Array[] = [];
    for await (const chunk of resumed(key, first, options)) chunks.push(chunk);
    return Buffer.concat(chunks);
  };

  async function* stream(key: string, { start, ...options }: ReadOptions & { start?: number } = {}): AsyncGenerator<Uint8Array> {
    const first = await open(key, { start, ...options });
    if (first === undefined) throw new ObjectNotFound(`There is no object "${key}" in ${bucket}`);
    yield* resumed(key, first, options);
  }

  const put: ObjectStore['put'] = async (key, body, { signal, metadata, contentType } = {}) => {
    const command = new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytesOf(body), Metadata: metadata, ContentType: contentType });
    await client.send(command, { abortSignal: signal });
  };

  const putIfAbsent: ObjectStore['putIfAbsent'] = async (key, body, { signal } = {}) => {
    const command = new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytesOf(body), IfNoneMatch: '*' });
    for (let conflicts = 1; ; conflicts++) {
      try {
        await client.send(command, { abortSignal: signal });
        return true;
      } catch (error) {
        if (isError(error, 'PreconditionFailed')) return false;
        if (!isError(error, 'ConditionalRequestConflict')) throw error;
        if (conflicts <= CONFLICT_RETRIES) await pause(conflicts, signal);
        else if ((await head(key, { signal })) !== undefined) return false;
        else throw error;
      }
    }
  };

  async function* list(prefix: string): AsyncGenerator<{ key: string; bytes: number }> {
    let ContinuationToken: string | undefined;
    do {
      // Keys may hold characters that XML cannot.
      const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken, EncodingType: 'url' });
      const page = await client.send(command);
      for (const { Key, Size } of page.Contents ?? []) yield { key: plainKey(Key!), bytes: Size ?? 0 };
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
  }

  async function* folders(prefix: string): AsyncGenerator<string> {
    let ContinuationToken: string | undefined;
    do {
      const place = { Bucket: bucket, Prefix: prefix, Delimiter: '/', ContinuationToken };
      const page = await client.send(new ListObjectsV2Command({ ...place, EncodingType: 'url' }));
      for (const { Prefix } of page.CommonPrefixes ?? []) yield plainKey(Prefix!);
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
  }

  /** S3 copies up to 5 GiB in one request. */
  const copy: ObjectStore['copy'] = async (source, sourceKey, key) => {
    const CopySource = `${source.bucket}/${sourceKey.split('/').map(encodeURIComponent).join('/')}`;
    try {
      await client.send(new CopyObjectCommand({ Bucket: bucket, Key: key, CopySource }));
    } catch (error) {
      if (isError(error, 'NoSuchKey')) throw new ObjectNotFound(`There is no object "${sourceKey}" in ${source.bucket}`, { cause: error });
      throw error;
    }
  };

  const deleteKeys: ObjectStore['delete'] = (keys) =>
    deleteObjects(
      client,
      bucket,
      keys.map((Key) => ({ Key })),
    );

  const create: ObjectStore['create'] = (key) => new S3MultipartWriter(client, bucket, key);
  return { bucket, head, get, stream, put, putIfAbsent, create, list, folders, copy, delete: deleteKeys };
}

type OpenOptions = ReadOptions & Partial<ByteRange> & { etag?: string | undefined };

interface OpenBody {
  chunks: AsyncIterable<Uint8Array>;
  /** Offset of the first byte in the object. */
  position: number;
  /** Offset behind the last byte. */
  end: number;
  etag: string | undefined;
}

/** The SDK takes an empty string for a stream of unknown length, and warns. */
const bytesOf = (body: Uint8Array | string) => (typeof body === 'string' ? Buffer.from(body) : body);

const isError = (error: unknown, name: string) => error instanceof S3ServiceException && error.name === name;

/** undefined where the error says that there is no such key. HEAD has no body, so there any 404 does. */
function absent(error: unknown, key: string, versionId: string | undefined): undefined {
  const isAbsent = ['NoSuchKey', 'NotFound', 'NoSuchVersion'].some((name) => isError(error, name));
  // A version that marks a deletion cannot be read.
  const isDeletion = versionId !== undefined && isError(error, 'MethodNotAllowed');
  if (!isAbsent && !isDeletion) throw error;
  if (versionId !== undefined) throw new ObjectNotFound(`Version ${versionId} of "${key}" is gone`, { cause: error });
}

/** Sleeps a random part of a time that doubles with each try, so that writers who met do not meet again. */
const pause = (tries: number, signal: AbortSignal | undefined) =>
  sleep(Math.random() * FIRST_PAUSE_MS * 2 ** tries, undefined, signal && { signal });
