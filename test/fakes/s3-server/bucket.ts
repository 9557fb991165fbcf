import { createHash, randomUUID } from 'node:crypto';
import { S3Error } from './s3-error.ts';

export interface StoredObject {
  body: Buffer;
  etag: string;
  /** Base64, with `-<parts>` where it is one over the checksums of parts. */
  crc32: string | undefined;
  metadata: Record<string, string>;
  contentType: string;
}

interface Version {
  versionId: string;
  /** undefined: the version marks a deletion. */
  object: StoredObject | undefined;
}

export interface UploadedPart {
  body: Buffer;
  etag: string;
  crc32: string | undefined;
}

export interface Upload {
  key: string;
  metadata: Record<string, string>;
  contentType: string;
  hasChecksums: boolean;
  parts: Map<number, UploadedPart>;
}

export const etagOf = (bytes: Uint8Array) => `"${createHash('md5').update(bytes).digest('hex')}"`;

export class Bucket {
  isVersioned: boolean;
  /** Open multipart uploads by id. */
  readonly uploads = new Map<string, Upload>();
  /** Versions of each key, newest last. */
  readonly #versions = new Map<string, Version[]>();

  constructor(isVersioned: boolean) {
    this.isVersioned = isVersioned;
  }

  /** @returns the version id, undefined in a bucket without versions. */
  put(key: string, object: StoredObject): string | undefined {
    return this.#add(key, object);
  }

  /** Marks the key as deleted, or removes it where the bucket keeps no versions, or removes one version. */
  delete(key: string, versionId?: string): void {
    const versions = this.#versions.get(key) ?? [];
    if (versionId !== undefined) {
      const rest = versions.filter((version) => version.versionId !== versionId);
      if (rest.length > 0) this.#versions.set(key, rest);
      else this.#versions.delete(key);
    } else if (this.isVersioned) {
      this.#add(key, undefined);
    } else {
      this.#versions.delete(key);
    }
  }

  /** The current object, undefined where there is none. */
  current(key: string): StoredObject | undefined {
    return this.#versions.get(key)?.at(-1)?.object;
  }

  /** @throws S3Error: NoSuchKey, NoSuchVersion, or MethodNotAllowed where the version marks a deletion. */
  find(key: string, versionId: string | undefined): { object: StoredObject; versionId: string } {
    const versions = this.#versions.get(key) ?? [];
    if (versionId === undefined) {
      const last = versions.at(-1);
      if (last?.object === undefined) throw new S3Error('NoSuchKey', 'The specified key does not exist.');
      return { object: last.object, versionId: last.versionId };
    }
    const version = versions.find((candidate) => candidate.versionId === versionId);
    if (version === undefined) throw new S3Error('NoSuchVersion', 'The specified version does not exist.');
    if (version.object === undefined) throw new S3Error('MethodNotAllowed', 'A delete marker has no content.');
    return { object: version.object, versionId };
  }

  /** Keys of current objects in the order of S3: by their bytes in UTF-8. */
  keys(): string[] {
    const encoded = [...this.#versions.keys()].filter((key) => this.current(key) !== undefined).map((key) => Buffer.from(key));
    return encoded.sort(Buffer.compare).map((key) => key.toString());
  }

  /** Every version and mark of a deletion, by key, of one key the newest first. */
  allVersions(): { key: string; versionId: string; object: StoredObject | undefined; isLatest: boolean }[] {
    const keys = [...this.#versions.keys()].map((key) => Buffer.from(key)).sort(Buffer.compare);
    return keys.flatMap((encoded) => {
      const key = encoded.toString();
      return (this.#versions.get(key) ?? []).toReversed().map((version, index) => ({ key, ...version, isLatest: index === 0 }));
    });
  }

  #add(key: string, object: StoredObject | undefined): string | undefined {
    const versionId = this.isVersioned ? randomUUID().replaceAll('-', '') : 'null';
    const older = this.isVersioned ? (this.#versions.get(key) ?? []) : [];
    this.#versions.set(key, [...older, { versionId, object }]);
    return this.isVersioned ? versionId : undefined;
  }
}
