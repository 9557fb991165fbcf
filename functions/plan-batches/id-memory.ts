import { REMEMBERED_IDS } from '../shared/limits.ts';
import { partIdsKey } from '../shared/object-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';

/** Slots at the start: most uploads are small, and clearing the memory of a million ids takes ten times as long as planning a hundred rows. */
const FIRST_SLOTS = 2 ** 12;
/** Times as many slots at each growth: of a million ids a sixth is placed anew. */
const GROWTH = 8;
/** Slots at most. There are always twice as many as ids, or few would be found at once. */
const SLOTS = 2 ** Math.ceil(Math.log2(2 * REMEMBERED_IDS));
/** A slot is the two halves of a 64-bit hash; the second half is never 0 in one that is taken. */
const SLOT = 2;
const BYTES_OF_HASH = 8;

/**
 * Counts ids that have occurred before. It remembers hashes of 64 bits, not ids, and of the first REMEMBERED_IDS different ones only:
 * 16 MB at most, 2 more while the last of it is taken, and among so many less than one false match in ten million uploads.
 */
export class IdMemory {
  /** Ids that had occurred before. */
  duplicates: number;
  #slots = new Uint32Array(FIRST_SLOTS * SLOT);
  #ids = 0;
  #fresh: number[] = [];

  constructor(duplicates = 0) {
    this.duplicates = duplicates;
  }

  /** Whether an id came after the memory was full: from then on `duplicates` is the least that there are. */
  isOverfull = false;

  add(id: string): void {
    // Two multiplicative hashes over the UTF-16 units, each stirred once more with the other (as in cyrb53, which is in the public domain).
    let low = 0xdeadbeef;
    let high = 0x41c6ce57;
    for (let at = 0; at < id.length; at += 1) {
      const unit = id.charCodeAt(at);
      low = Math.imul(low ^ unit, 2654435761);
      high = Math.imul(high ^ unit, 1597334677);
    }
    low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
    high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
    const outcome = this.#insert(low >>> 0, high >>> 0 || 1);
    if (outcome === 'known') this.duplicates += 1;
    else if (outcome === 'full') this.isOverfull = true;
    else this.#fresh.push(low >>> 0, high >>> 0 || 1);
  }

  /** Where in the slots a hash stands, or would. */
  #placeOf(low: number, high: number): number {
    const slots = this.#slots;
    const mask = slots.length / SLOT - 1;
    let slot = low & mask;
    for (; slots[slot * SLOT + 1] !== 0; slot = (slot + 1) & mask) {
      if (slots[slot * SLOT] === low && slots[slot * SLOT + 1] === high) break;
    }
    return slot * SLOT;
  }

  #insert(low: number, high: number): 'known' | 'new' | 'full' {
    const place = this.#placeOf(low, high);
    if (this.#slots[place + 1] !== 0) return 'known';
    if (this.#ids === REMEMBERED_IDS) return 'full';
    this.#slots[place] = low;
    this.#slots[place + 1] = high;
    this.#ids += 1;
    if (2 * this.#ids > this.#slots.length / SLOT && this.#slots.length < SLOTS * SLOT) this.#grow();
    return 'new';
  }

  #grow(): void {
    const older = this.#slots;
    this.#slots = new Uint32Array(Math.min(GROWTH * older.length, SLOTS * SLOT));
    for (let at = 0; at < older.length; at += SLOT) {
      const [low = 0, high = 0] = [older[at], older[at + 1]];
      if (high === 0) continue;
      const place = this.#placeOf(low, high);
      this.#slots[place] = low;
      this.#slots[place + 1] = high;
    }
  }

  /** Hashes remembered since this was last asked. */
  takeFresh(): Uint8Array {
    const hashes = Buffer.alloc(this.#fresh.length * (BYTES_OF_HASH / SLOT));
    this.#fresh.forEach((half, index) => void hashes.writeUInt32LE(half, index * (BYTES_OF_HASH / SLOT)));
    this.#fresh = [];
    return hashes;
  }

  /** Remembers again what was taken. */
  recall(taken: Uint8Array): void {
    const hashes = Buffer.from(taken.buffer, taken.byteOffset, taken.length);
    for (let at = 0; at < hashes.length; at += BYTES_OF_HASH) this.#insert(hashes.readUInt32LE(at), hashes.readUInt32LE(at + 4));
  }
}

/** The memory as it was after a number of parts, whose hashes are kept beside them. */
export async function recallIds(work: ObjectStore, runId: string, parts: number, duplicates: number): Promise<IdMemory> {
  const ids = new IdMemory(duplicates);
  for (let part = 0; part < parts; part += 1) {
    const taken = await work.get(partIdsKey(runId, part));
    if (taken) ids.recall(taken);
  }
  return ids;
}

/** A sentence on the ids that occur more than once, none where no id does. */
export function duplicateNote(duplicates: number, isLeast: boolean): string[] {
  if (duplicates === 0) return [];
  const count = `${duplicates.toLocaleString('en')} ${duplicates === 1 ? 'row has' : 'rows have'} an id that an earlier row has.`;
  const remembered = REMEMBERED_IDS.toLocaleString('en');
  return [isLeast ? `At least ${count.replace(/\.$/, '')} (only the first ${remembered} different ids are compared).` : count];
}
