import { ListObjectVersionsCommand, type ListObjectVersionsCommandOutput, type S3Client } from '@aws-sdk/client-s3';
import type { ObjectVersion, ObjectVersions } from '../ports.ts';
import { deleteObjects, plainKey } from './s3-requests.ts';

/** The versions of one bucket of S3. Where it has none, every object has the version `null`, by which it can be deleted. */
export function s3ObjectVersions(client: S3Client, bucket: string): ObjectVersions {
  async function* list(prefix: string): AsyncGenerator<ObjectVersion> {
    let place: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } | undefined = {};
    while (place !== undefined) {
      const page: ListObjectVersionsCommandOutput = await client.send(
        new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, EncodingType: 'url', ...place }),
      );
      // Two lists in key order, each of a part of the page: versions and marks of one key need no order among them.
      for (const { Key, VersionId, Size, IsLatest } of page.Versions ?? [])
        yield { key: plainKey(Key!), versionId: VersionId ?? 'null', bytes: Size ?? 0, isDeletion: false, isLatest: IsLatest ?? true };
      for (const { Key, VersionId, IsLatest } of page.DeleteMarkers ?? [])
        yield { key: plainKey(Key!), versionId: VersionId ?? 'null', bytes: 0, isDeletion: true, isLatest: IsLatest ?? true };
      const marker = page.NextKeyMarker === undefined ? undefined : plainKey(page.NextKeyMarker);
      place = page.IsTruncated ? { KeyMarker: marker, VersionIdMarker: page.NextVersionIdMarker } : undefined;
    }
  }

  return {
    bucket,
    list,
    delete: (versions) =>
      deleteObjects(
        client,
        bucket,
        versions.map(({ key, versionId }) => ({ Key: key, VersionId: versionId })),
      ),
  };
}
