import type { ObjectVersion } from '../../functions/shared/ports.ts';
import type { Target } from './targets.ts';

/** Versions removed by one call: S3's limit. */
const PAGE_VERSIONS = 1_000;
/** Times that all targets are looked at: what a worker that was still under way wrote meanwhile is found the next time. */
const PASSES = 3;

export interface Tally {
  what: string;
  objects: number;
  bytes: number;
}

/** What there is of the targets, added up by what they are, in their order. */
export async function tallyOf(targets: readonly Target[]): Promise<Tally[]> {
  const tallies = new Map<string, Tally>();
  for (const target of targets) {
    const tally = tallies.get(target.what) ?? { what: target.what, objects: 0, bytes: 0 };
    tallies.set(target.what, tally);
    for await (const { bytes } of meant(target)) {
      tally.objects++;
      tally.bytes += bytes;
    }
  }
  return [...tallies.values()].filter(({ objects }) => objects > 0);
}

/** Removes every version of the targets, one target after the other. @returns whether nothing is left. */
export async function erase(targets: readonly Target[]): Promise<boolean> {
  for (let pass = 0; pass < PASSES; pass++) {
    let removed = 0;
    for (const target of targets) {
      let page: ObjectVersion[] = [];
      for await (const version of meant(target)) {
        page.push(version);
        if (page.length < PAGE_VERSIONS) continue;
        await target.versions.delete(page);
        removed += page.length;
        page = [];
      }
      await target.versions.delete(page);
      removed += page.length;
    }
    if (removed === 0) return true;
  }
  return (await tallyOf(targets)).length === 0;
}

async function* meant({ versions, prefix, isMeant }: Target): AsyncGenerator<ObjectVersion> {
  for await (const version of versions.list(prefix)) if (isMeant(version)) yield version;
}
