import { Readable } from 'node:stream';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createS3Client, s3ObjectStore } from '../../functions/shared/adapters/s3-object-store.ts';
import type { ObjectStore } from '../../functions/shared/ports.ts';
import { type S3Server, startS3Server } from '../fakes/s3-server/server.ts';
import { MEBIBYTE, seededBytes } from './object-store.ts';
import { bytesOf, collect, textAt } from './store-contents.ts';

let server: S3Server;
let client: S3Client;
let store: ObjectStore;
beforeEach(async () => {
  server = await startS3Server({ buckets: { input: { isVersioned: true }, work: { isVersioned: false } } });
  client = createS3Client(server.clientConfig);
  store = s3ObjectStore(client, 'input');
});
afterEach(async () => {
  client.destroy();
  await server.close();
});

const requestsFor = (operation: string) => server.requests.filter((request) => request.operation === operation);

describe('S3 under faults', () => {
  test('sends a put-if-absent again while another writer holds the key', async () => {
    server.inject({ operation: 'PutObject', times: 2, kind: 'error', code: 'ConditionalRequestConflict' });
    expect(await store.putIfAbsent('claim', 'mine')).toBe(true);
    expect(requestsFor('PutObject').map(({ status }) => status)).toEqual([409, 409, 200]);
  });

  test('looks whether the other writer won when the conflict does not end', async () => {
    server.inject({ operation: 'PutObject', times: 12, kind: 'error', code: 'ConditionalRequestConflict' });
    await expect(store.putIfAbsent('claim', 'mine')).rejects.toMatchObject({ name: 'ConditionalRequestConflict' });
    server.bucket('input').put('claim', { body: Buffer.from('theirs'), etag: '"1"', crc32: undefined, metadata: {}, contentType: '' });
    expect(await store.putIfAbsent('claim', 'mine')).toBe(false);
    expect(await textAt(store, 'claim')).toBe('theirs');
  });

  test('finds its own object when the answer to the first try was lost', async () => {
    server.inject({ operation: 'PutObject', times: 1, kind: 'lostAnswer' });
    expect(await store.putIfAbsent('claim', 'mine')).toBe(false);
    expect(await textAt(store, 'claim')).toBe('mine');
  });

  test('tries again when S3 asks to slow down', async () => {
    server.inject({ operation: 'PutObject', times: 1, kind: 'error', code: 'SlowDown' });
    await store.put('slow', 'text');
    expect(requestsFor('PutObject').map(({ status }) => status)).toEqual([503, 200]);
  });

  test('resumes a body that breaks behind the last byte received', async () => {
    const bytes = seededBytes(3 * MEBIBYTE, 4);
    await store.put('cut', bytes);
    server.inject({ operation: 'GetObject', times: 3, kind: 'cut', afterBytes: 700_000 });
    expect((await bytesOf(store.stream('cut'))).equals(bytes)).toBe(true);
    const [first, ...resumed] = requestsFor('GetObject');
    expect(first?.headers.range).toBeUndefined();
    expect(resumed).toHaveLength(3);
    for (const { headers } of resumed) {
      expect(headers.range).toMatch(new RegExp(`^bytes=[1-9]\\d*-${bytes.length - 1}$`));
      expect(headers['if-match']).toMatch(/^"[0-9a-f]{32}"$/);
    }
  });

  test('resumes a broken range within the range', async () => {
    const bytes = seededBytes(MEBIBYTE, 5);
    await store.put('cut', bytes);
    const { versionId } = (await store.head('cut'))!;
    server.inject({ operation: 'GetObject', times: 1, kind: 'cut', afterBytes: 300_000 });
    const part = await store.get('cut', { versionId, range: { start: 1_000, end: 900_000 } });
    expect(bytes.subarray(1_000, 900_000).equals(part!)).toBe(true);
    expect(requestsFor('GetObject')).toHaveLength(2);
    for (const { query } of requestsFor('GetObject')) expect(query.versionId).toBe(versionId);
  });

  test('gives up a body that breaks again and again without a byte', async () => {
    await store.put('cut', 'text');
    server.inject({ operation: 'GetObject', times: 20, kind: 'cut', afterBytes: 0 });
    await expect(collect(store.stream('cut'))).rejects.toThrow();
    expect(requestsFor('GetObject')).toHaveLength(5);
  });

  test.each(['replaced', 'deleted'])('does not join bytes of two versions when an object is %s while it is read', async (change) => {
    const bytes = seededBytes(MEBIBYTE, 6);
    await store.put('changing', bytes);
    server.inject({ operation: 'GetObject', times: 1, kind: 'cut', afterBytes: 300_000 });
    const reading = (async () => {
      let isFirst = true;
      for await (const _ of store.stream('changing')) {
        if (isFirst) await (change === 'replaced' ? store.put('changing', 'other') : store.delete(['changing']));
        isFirst = false;
      }
    })();
    await expect(reading).rejects.toMatchObject({ name: 'ObjectNotFound' });
  });

  test.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
    ['HeadObject', (signal) => store.head('key', { signal })],
    ['GetObject', (signal) => store.get('key', { signal })],
    ['PutObject', (signal) => store.put('key', 'text', { signal })],
    ['PutObject', (signal) => store.putIfAbsent('key', 'text', { signal })],
  ])('lets the signal end a %s that gets no answer', async (operation, call) => {
    server.inject({ operation: operation as 'HeadObject', times: 1, kind: 'silence' });
    const stop = new AbortController();
    const outcome = expect(call(stop.signal)).rejects.toMatchObject({ name: 'AbortError' });
    while (server.requests.length === 0) await new Promise(setImmediate);
    stop.abort();
    await outcome;
    expect(server.requests).toHaveLength(1);
  });
});

describe('S3 uploads', () => {
  test('sends one request below 8 MiB, from there parts, four at once at most', async () => {
    const small = store.create('small');
    await small.write(seededBytes(8 * MEBIBYTE - 1, 7));
    await small.close();
    expect(requestsFor('PutObject')).toHaveLength(1);
    expect(requestsFor('CreateMultipartUpload')).toHaveLength(0);

    const big = store.create('big');
    await big.write(seededBytes(64 * MEBIBYTE, 8));
    await big.close();
    const parts = requestsFor('UploadPart');
    expect(parts.map(({ query }) => Number(query.partNumber)).sort((left, right) => left - right)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const most = Math.max(...parts.map(({ inFlight }) => inFlight));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
    expect(
      server
        .bucket('input')
        .current('big')
        ?.body.equals(seededBytes(64 * MEBIBYTE, 8)),
    ).toBe(true);
  });

  test('gives the upload up when a part cannot be sent', async () => {
    server.inject({ operation: 'UploadPart', times: 1, kind: 'error', code: 'AccessDenied' });
    const writer = store.create('big');
    const writing = (async () => {
      await writer.write(seededBytes(17 * MEBIBYTE, 9));
      await writer.close();
    })();
    await expect(writing).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(writer.write(Buffer.from('more'))).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(writer.close()).rejects.toMatchObject({ name: 'AccessDenied' });
    await writer.abort();
    expect(server.bucket('input').uploads.size).toBe(0);
    expect(await store.head('big')).toBeUndefined();
  });

  test('gives the upload up when it cannot be completed', async () => {
    server.inject({ operation: 'CompleteMultipartUpload', times: 1, kind: 'error', code: 'InvalidPart' });
    const writer = store.create('big');
    await writer.write(seededBytes(9 * MEBIBYTE, 10));
    await expect(writer.close()).rejects.toMatchObject({ name: 'InvalidPart' });
    expect(server.bucket('input').uploads.size).toBe(0);
  });

  test('leaves no upload behind when it is given up while it starts', async () => {
    const writer = store.create('big');
    const writing = expect(writer.write(seededBytes(9 * MEBIBYTE, 11))).rejects.toThrow('given up');
    await writer.abort();
    await writing;
    expect(server.bucket('input').uploads.size).toBe(0);
  });
});

describe('S3 versions, metadata and errors', () => {
  test('reads an old version beside the new one, until it is removed', async () => {
    await store.put('file.csv', 'old');
    const { versionId } = (await store.head('file.csv'))!;
    await store.put('file.csv', 'newer');
    expect((await bytesOf(store.stream('file.csv', { versionId }))).toString()).toBe('old');
    expect(await store.head('file.csv', { versionId })).toMatchObject({ versionId, bytes: 3 });
    server.bucket('input').delete('file.csv', versionId);
    await expect(store.get('file.csv', { versionId })).rejects.toMatchObject({ name: 'ObjectNotFound' });
    expect(await textAt(store, 'file.csv')).toBe('newer');
  });

  test('calls the version of a bucket without versions null', async () => {
    const work = s3ObjectStore(client, 'work');
    await work.put('file.csv', 'text');
    expect((await work.head('file.csv'))?.versionId).toBe('null');
    expect(Buffer.from((await work.get('file.csv', { versionId: 'null' }))!).toString()).toBe('text');
  });

  test('gives user metadata without its prefix', async () => {
    await client.send(
      new PutObjectCommand({ Bucket: 'input', Key: 'file.csv', Body: 'a', Metadata: { 'hundredfold-text-column': 'Review%20Text' } }),
    );
    expect((await store.head('file.csv'))?.metadata).toEqual({ 'hundredfold-text-column': 'Review%20Text' });
  });

  test('does not take a missing bucket for a missing object', async () => {
    const nowhere = s3ObjectStore(client, 'no-such-bucket');
    await expect(nowhere.get('key')).rejects.toMatchObject({ name: 'NoSuchBucket' });
    await expect(nowhere.put('key', 'text')).rejects.toMatchObject({ name: 'NoSuchBucket' });
  });

  test('deletes a thousand keys a request and reports the ones that stay', async () => {
    const keys = Array.from({ length: 1_002 }, (_, index) => `key-${index}`);
    server.forbidDelete('key-7');
    await expect(store.delete(keys)).rejects.toThrow('1 of 1000 objects could not be deleted from input: "key-7": AccessDenied');
    await store.delete(keys.slice(8));
    expect(requestsFor('DeleteObjects')).toHaveLength(2);
  });

  test('lists keys that XML cannot hold', async () => {
    const work = s3ObjectStore(client, 'work');
    await work.put('odd/\u0001\u001f&<key>\r\n', 'text');
    expect(await collect(work.list('odd/'))).toEqual([{ key: 'odd/\u0001\u001f&<key>\r\n', bytes: 4 }]);
  });
});

describe('the S3 server of these tests', () => {
  test('takes a streamed body with a checksum behind it', async () => {
    const bytes = seededBytes(MEBIBYTE, 12);
    const Body = Readable.from([bytes.subarray(0, 100_000), bytes.subarray(100_000)]);
    await client.send(new PutObjectCommand({ Bucket: 'input', Key: 'streamed', Body, ContentLength: bytes.length }));
    expect(requestsFor('PutObject')[0]?.headers['x-amz-content-sha256']).toBe('STREAMING-UNSIGNED-PAYLOAD-TRAILER');
    expect(server.bucket('input').current('streamed')?.body.equals(bytes)).toBe(true);
    expect(bytes.equals((await store.get('streamed'))!)).toBe(true);
  });

  test('refuses a body that is not what its checksum says', async () => {
    const sent = new PutObjectCommand({ Bucket: 'input', Key: 'wrong', Body: 'text', ChecksumCRC32: 'AAAAAA==' });
    await expect(client.send(sent)).rejects.toMatchObject({ name: 'BadDigest' });
    const trailer = '4\r\ntext\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n';
    const headers = {
      'content-encoding': 'aws-chunked',
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-decoded-content-length': '4',
      'x-amz-trailer': 'x-amz-checksum-crc32',
    };
    const answer = await fetch(`${server.endpoint}/input/wrong`, { method: 'PUT', headers, body: trailer });
    expect(await answer.text()).toContain('<Code>BadDigest</Code>');
    expect(await store.head('wrong')).toBeUndefined();
  });

  test('wants parts in order, with their checksums, of 5 MiB but for the last', async () => {
    const target = { Bucket: 'input', Key: 'parts' };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...target, ChecksumAlgorithm: 'CRC32' }));
    const parts = await Promise.all(
      [1, 2].map(async (PartNumber) => {
        const { ETag, ChecksumCRC32 } = await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber, Body: 'short' }));
        return { PartNumber, ETag, ChecksumCRC32 };
      }),
    );
    const complete = (Parts: { PartNumber: number; ETag: string | undefined }[]) =>
      client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }));
    await expect(complete(parts.toReversed())).rejects.toMatchObject({ name: 'InvalidPartOrder' });
    await expect(complete(parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag })))).rejects.toThrow('checksum for each part');
    await expect(complete(parts)).rejects.toMatchObject({ name: 'EntityTooSmall' });
    await complete(parts.slice(0, 1));
    expect(await textAt(store, 'parts')).toBe('short');
  });

  test('answers 501 to what it does not act on', async () => {
    const asked = async (path: string, headers: Record<string, string> = {}) => (await fetch(server.endpoint + path, { headers })).status;
    expect(await asked('/input/key?acl')).toBe(501);
    expect(await asked('/input?list-type=2&fetch-owner=true')).toBe(501);
    expect(await asked('/input/key', { 'if-modified-since': new Date(0).toUTCString() })).toBe(501);
  });
});
