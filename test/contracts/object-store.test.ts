import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createS3Client, s3ObjectStore } from '../../functions/shared/adapters/s3-object-store.ts';
import { directoryStore } from '../../local/directory-store.ts';
import { startS3Server } from '../fakes/s3-server/server.ts';
import { describeObjectStore, type OpenedStores } from './object-store.ts';

async function openDirectories(hasHardLinks: boolean): Promise<OpenedStores> {
  const folder = await mkdtemp(join(tmpdir(), 'object-store-'));
  const root = join(folder, 'work');
  return {
    store: directoryStore(root, 'work', { hasHardLinks }),
    other: directoryStore(join(folder, 'results'), 'results'),
    leftovers: () => readdir(join(root, '.tmp')),
    close: () => rm(folder, { recursive: true }),
  };
}

async function openBuckets(): Promise<OpenedStores> {
  const server = await startS3Server({ buckets: { work: { isVersioned: true }, results: { isVersioned: false } } });
  const client = createS3Client(server.clientConfig);
  return {
    store: s3ObjectStore(client, 'work'),
    other: s3ObjectStore(client, 'results'),
    leftovers: async () => [...server.bucket('work').uploads.keys()],
    close: async () => {
      client.destroy();
      await server.close();
    },
  };
}

describeObjectStore('directory', { open: () => openDirectories(true), nestsKeys: false, pageKeys: 100 });
describeObjectStore('directory without hard links', { open: () => openDirectories(false), nestsKeys: false, pageKeys: 100 });
describeObjectStore('S3', { open: openBuckets, nestsKeys: true, pageKeys: 1_000 });
