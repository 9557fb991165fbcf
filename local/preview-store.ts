import type { Rejection, StagedRow } from '../functions/shared/contract.ts';
import { partKey, rejectedKey } from '../functions/shared/object-keys.ts';
import type { ObjectStore, ObjectWriter } from '../functions/shared/ports.ts';

const LINE_FEED = 10;

/** What a preview is shown of the staged rows instead of their being stored. */
export interface Preview {
  /** Rows that are shown, from the first on. */
  shownRows: number;
  row(row: StagedRow): void;
  rejection(rejection: Rejection): void;
}

/** A work bucket that shows a run's staged rows and rejections to a preview and keeps neither, so that it stays small whatever the upload. */
export function previewStore(store: ObjectStore, runId: string, preview: Preview): ObjectStore {
  let shown = 0;
  const showRow = (line: string) => {
    if (shown++ < preview.shownRows) preview.row(JSON.parse(line) as StagedRow);
  };
  return {
    bucket: store.bucket,
    head: (key, options) => store.head(key, options),
    get: (key, options) => store.get(key, options),
    stream: (key, options) => store.stream(key, options),
    put: (key, body, options) => store.put(key, body, options),
    putIfAbsent: (key, body, options) => store.putIfAbsent(key, body, options),
    list: (prefix) => store.list(prefix),
    folders: (prefix) => store.folders(prefix),
    copy: (source, sourceKey, key) => store.copy(source, sourceKey, key),
    delete: (keys) => store.delete(keys),
    create(key) {
      const part = Number(/(\d+)\.jsonl$/.exec(key)?.[1] ?? Number.NaN);
      if (key === partKey(runId, part)) return lineWriter(showRow, () => shown < preview.shownRows);
      if (key === rejectedKey(runId, part)) return lineWriter((line) => preview.rejection(JSON.parse(line) as Rejection));
      return store.create(key);
    },
  };
}

/** Hands on every line that is written, as long as somebody wants one. */
function lineWriter(show: (line: string) => void, isWanted = () => true): ObjectWriter {
  let rest = Buffer.alloc(0);
  return {
    async write(chunk) {
      if (!isWanted()) return;
      const bytes = Buffer.concat([rest, chunk]);
      let start = 0;
      for (let end = bytes.indexOf(LINE_FEED); end !== -1 && isWanted(); end = bytes.indexOf(LINE_FEED, start)) {
        show(bytes.toString('utf8', start, end));
        start = end + 1;
      }
      rest = bytes.subarray(start);
    },
    async close() {},
    async abort() {},
  };
}
