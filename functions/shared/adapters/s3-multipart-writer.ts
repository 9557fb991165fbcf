import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { ObjectWriter } from '../ports.ts';

/** Size of an upload's parts; S3 takes 5 MiB to 5 GiB, and 10,000 of them: 80 GB a file. */
const PART_BYTES = 8 * 1024 * 1024;
const PARTS_IN_FLIGHT = 4;

/** One PutObject for a small object, else parts sent side by side while the next one fills. */
export class S3MultipartWriter implements ObjectWriter {
  readonly #client: S3Client;
  readonly #target: { Bucket: string; Key: string };
  readonly #cancel = new AbortController();
  readonly #inFlight = new Set<Promise<void>>();
  readonly #parts: CompletedPart[] = [];
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #uploadId: Promise<string> | undefined;
  #failure: { error: unknown } | undefined;
  #isOver = false;

  constructor(client: S3Client, bucket: string, key: string) {
    this.#client = client;
    this.#target = { Bucket: bucket, Key: key };
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#isOver) throw this.#failure?.error ?? new Error('The upload is over: nothing can be written to it');
    await this.#abortOnFailure(async () => {
      for (let start = 0; start < chunk.length; ) {
        // A copy, because the caller may use the chunk's memory again while it waits here for its part to fill.
        const piece = new Uint8Array(chunk.subarray(start, start + PART_BYTES - this.#pendingBytes));
        this.#pending.push(piece);
        this.#pendingBytes += piece.length;
        start += piece.length;
        if (this.#pendingBytes === PART_BYTES) await this.#startPart();
      }
    });
  }

  async close(): Promise<void> {
    if (this.#isOver) throw this.#failure?.error ?? new Error('The upload is over: it cannot be closed');
    await this.#abortOnFailure(async () => {
      if (this.#uploadId === undefined) {
        await this.#client.send(new PutObjectCommand({ ...this.#target, Body: this.#takePending() }));
      } else {
        if (this.#pendingBytes > 0) await this.#startPart();
        await Promise.all(this.#inFlight);
        if (this.#failure !== undefined) throw this.#failure.error;
        const upload = { ...this.#target, UploadId: await this.#uploadId };
        await this.#client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: this.#parts } }));
      }
      this.#isOver = true;
    });
  }

  async abort(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#pending = [];
    // S3 keeps, and bills, a part that arrives after the abort: the parts under way have to end first.
    this.#cancel.abort();
    await Promise.all(this.#inFlight);
    const UploadId = await this.#uploadId?.catch(() => undefined);
    if (UploadId !== undefined) await this.#client.send(new AbortMultipartUploadCommand({ ...this.#target, UploadId }));
  }

  async #abortOnFailure(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.#failure ??= { error };
      // The first failure is the one to report; a lifecycle rule removes an upload that cannot even be aborted.
      await this.abort().catch(() => {});
      throw error;
    }
  }

  async #startPart(): Promise<void> {
    const start = new CreateMultipartUploadCommand({ ...this.#target, ChecksumAlgorithm: 'CRC32' });
    this.#uploadId ??= this.#client.send(start).then((upload) => upload.UploadId!);
    const UploadId = await this.#uploadId;
    while (this.#inFlight.size >= PARTS_IN_FLIGHT) await Promise.race(this.#inFlight);
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#isOver) throw new Error('The upload was given up');
    const PartNumber = this.#parts.push({});
    const sending = this.#sendPart(UploadId, PartNumber, this.#takePending()).finally(() => this.#inFlight.delete(sending));
    this.#inFlight.add(sending);
  }

  /** Never rejects: a failure is kept for the next write or the close. */
  async #sendPart(UploadId: string, PartNumber: number, Body: Uint8Array): Promise<void> {
    const command = new UploadPartCommand({ ...this.#target, UploadId, PartNumber, Body, ChecksumAlgorithm: 'CRC32' });
    try {
      const { ETag, ChecksumCRC32 } = await this.#client.send(command, { abortSignal: this.#cancel.signal });
      this.#parts[PartNumber - 1] = { PartNumber, ETag, ChecksumCRC32 };
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  #takePending(): Uint8Array {
    const body = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    return body;
  }
}
