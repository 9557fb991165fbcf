import { DeleteObjectsCommand, type ObjectIdentifier, type S3Client } from '@aws-sdk/client-s3';

/** Objects in one DeleteObjects request, S3's limit. */
const DELETED_OBJECTS = 1_000;

/** A key as it is, from a listing that was asked to encode it. */
export const plainKey = (encoded: string) => decodeURIComponent(encoded.replaceAll('+', ' '));

/** Deletes objects, or versions of them. @throws Error: some of them stay, with the first reasons. */
export async function deleteObjects(client: S3Client, bucket: string, objects: readonly ObjectIdentifier[]): Promise<void> {
  for (let first = 0; first < objects.length; first += DELETED_OBJECTS) {
    const Objects = objects.slice(first, first + DELETED_OBJECTS);
    const { Errors = [] } = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
    if (Errors.length === 0) continue;
    const reasons = Errors.slice(0, 3).map(({ Key, Code, Message }) => `"${Key}": ${Code} ${Message ?? ''}`);
    throw new Error(`${Errors.length} of ${Objects.length} objects could not be deleted from ${bucket}: ${reasons.join('; ')}`);
  }
}
