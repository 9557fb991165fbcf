import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { crc32 } from 'node:zlib';
import { S3Error } from './s3-error.ts';

/** Big-endian CRC-32 in base64, as S3 writes it. */
export function crc32Of(bytes: Uint8Array): string {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(bytes));
  return checksum.toString('base64');
}

export async function readRaw(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The object's bytes in a request body, and the CRC-32 that was checked. @throws S3Error: a length or checksum is wrong. */
export function decodeBody(raw: Buffer, headers: Record<string, string>): { body: Buffer; crc32: string | undefined } {
  const contentHash = headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD';
  if (contentHash.startsWith('STREAMING-')) return decodeStreaming(raw, headers, contentHash);
  if (contentHash !== 'UNSIGNED-PAYLOAD' && createHash('sha256').update(raw).digest('hex') !== contentHash) {
    throw new S3Error('XAmzContentSHA256Mismatch');
  }
  return { body: raw, crc32: checked(raw, headers['x-amz-checksum-crc32']) };
}

function decodeStreaming(raw: Buffer, headers: Record<string, string>, contentHash: string): { body: Buffer; crc32: string | undefined } {
  if (contentHash !== 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') throw new S3Error('NotImplemented', contentHash);
  if (!headers['content-encoding']?.includes('aws-chunked')) throw new S3Error('InvalidRequest', 'Content-Encoding lacks aws-chunked');
  const { body, trailers } = decodeChunks(raw);
  if (String(body.length) !== headers['x-amz-decoded-content-length']) {
    throw new S3Error('InvalidRequest', 'x-amz-decoded-content-length is not the length of the body');
  }
  const announced = headers['x-amz-trailer'];
  if (announced !== undefined && !trailers.has(announced)) throw new S3Error('InvalidRequest', `Trailer ${announced} is missing`);
  for (const name of trailers.keys()) {
    if (name !== 'x-amz-checksum-crc32') throw new S3Error('NotImplemented', `Trailer ${name}`);
  }
  return { body, crc32: checked(body, trailers.get('x-amz-checksum-crc32')) };
}

/** `<hexadecimal length>\r\n<bytes>\r\n` again and again, a chunk of length 0, and trailers up to an empty line. */
function decodeChunks(raw: Buffer): { body: Buffer; trailers: Map<string, string> } {
  let position = 0;
  const nextLine = () => {
    const end = raw.indexOf('\r\n', position);
    if (end < 0) throw new S3Error('InvalidRequest', 'The chunked body ends within a line');
    const line = raw.toString('latin1', position, end);
    position = end + 2;
    return line;
  };
  const chunks: Buffer[] = [];
  for (;;) {
    const size = nextLine();
    if (!/^[0-9a-f]+$/i.test(size)) throw new S3Error('InvalidRequest', `"${size}" is no chunk length`);
    const length = Number.parseInt(size, 16);
    if (length === 0) break;
    chunks.push(raw.subarray(position, position + length));
    position += length;
    if (nextLine() !== '') throw new S3Error('InvalidRequest', 'A chunk is longer than its length');
  }
  const trailers = new Map<string, string>();
  for (let line = nextLine(); line !== ''; line = nextLine()) {
    const colon = line.indexOf(':');
    trailers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { body: Buffer.concat(chunks), trailers };
}

function checked(body: Buffer, expected: string | undefined): string | undefined {
  if (expected !== undefined && crc32Of(body) !== expected) throw new S3Error('BadDigest', 'The CRC32 did not match what was received.');
  return expected;
}
