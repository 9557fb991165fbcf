import type { Bucket } from './bucket.ts';
import type { S3Answer } from './object-operations.ts';
import type { S3Request } from './request.ts';
import { S3Error } from './s3-error.ts';
import { element, text, xmlDocument } from './xml.ts';

const MOST_KEYS = 1000;

export function listObjects(bucket: Bucket, request: S3Request): S3Answer {
  const { query } = request;
  if (query.get('list-type') !== '2') throw new S3Error('NotImplemented', 'ListObjects');
  const encoding = query.get('encoding-type');
  if (encoding !== null && encoding !== 'url') throw new S3Error('InvalidArgument', 'encoding-type');
  const encoded = (value: string) => text(encoding === 'url' ? urlEncoded(value) : value);

  const prefix = query.get('prefix') ?? '';
  const limit = Math.min(Number(query.get('max-keys') ?? MOST_KEYS), MOST_KEYS);
  const token = query.get('continuation-token');
  const after = token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64url').toString();
  const delimiter = query.get('delimiter');
  // A key that goes on to a delimiter behind the prefix stands for all that begin like it.
  const entryOf = (key: string) => {
    const end = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
    return end < 0 ? key : key.slice(0, end + 1);
  };
  const isBehind = (entry: string) => Buffer.compare(Buffer.from(entry), Buffer.from(after)) > 0;
  const matching = bucket.keys().filter((key) => key.startsWith(prefix));
  const entries = [...new Set(matching.map(entryOf))].filter(isBehind);
  const page = entries.slice(0, limit);
  const isTruncated = entries.length > page.length && page.length > 0;

  const commonPrefixes = page.filter((entry) => bucket.current(entry) === undefined);
  const contents = page
    .filter((entry) => bucket.current(entry) !== undefined)
    .map((key) => {
      const { body, etag } = bucket.current(key)!;
      const fields = element('Key', encoded(key)) + element('Size', body.length) + element('ETag', text(etag));
      return element('Contents', fields + element('LastModified', new Date(0).toISOString()) + element('StorageClass', 'STANDARD'));
    });
  const folders = commonPrefixes.map((entry) => element('CommonPrefixes', element('Prefix', encoded(entry))));
  const fields = [
    element('Name', text(request.bucket)),
    element('Prefix', encoded(prefix)),
    element('KeyCount', page.length),
    element('MaxKeys', limit),
    element('IsTruncated', String(isTruncated)),
    encoding === null ? '' : element('EncodingType', encoding),
    isTruncated ? element('NextContinuationToken', Buffer.from(page.at(-1)!).toString('base64url')) : '',
  ];
  return { body: xmlDocument('ListBucketResult', [...fields, ...contents, ...folders].join('')) };
}

/** ListObjectVersions, without a delimiter: a page goes on behind a version of a key. */
export function listVersions(bucket: Bucket, { query, bucket: name }: S3Request): S3Answer {
  if (query.get('encoding-type') !== 'url') throw new S3Error('NotImplemented', 'ListObjectVersions without encoding-type');
  const encoded = (value: string) => text(urlEncoded(value));
  const prefix = query.get('prefix') ?? '';
  const [keyMarker, versionMarker] = [query.get('key-marker'), query.get('version-id-marker')];
  const limit = Math.min(Number(query.get('max-keys') ?? MOST_KEYS), MOST_KEYS);
  const matching = bucket.allVersions().filter(({ key }) => key.startsWith(prefix));
  const marked = matching.findIndex(({ key, versionId }) => key === keyMarker && versionId === versionMarker);
  if (keyMarker !== null && marked < 0) throw new S3Error('InvalidArgument', 'A marker that no page ended with');
  const page = matching.slice(marked + 1, marked + 1 + limit);
  const isTruncated = marked + 1 + page.length < matching.length;
  const last = page.at(-1);
  const elementOf = ({ key, versionId, object, isLatest }: (typeof page)[number]) => {
    const fields = element('Key', encoded(key)) + element('VersionId', versionId) + element('IsLatest', String(isLatest));
    const time = element('LastModified', new Date(0).toISOString());
    return object ? element('Version', fields + time + element('Size', object.body.length)) : element('DeleteMarker', fields + time);
  };
  const fields = [
    element('Name', text(name)),
    element('Prefix', encoded(prefix)),
    element('MaxKeys', limit),
    element('EncodingType', 'url'),
    element('IsTruncated', String(isTruncated)),
    isTruncated && last ? element('NextKeyMarker', encoded(last.key)) + element('NextVersionIdMarker', last.versionId) : '',
  ];
  return { body: xmlDocument('ListVersionsResult', [...fields, ...page.map(elementOf)].join('')) };
}

/** As S3 does it: all but letters, digits, `-_.*` and `/` by their bytes, a space as `+`. */
const urlEncoded = (value: string) => new URLSearchParams({ '': value }).toString().slice(1).replaceAll('%2F', '/');
