import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { duplicateNote, IdMemory, recallIds } from '../../../functions/plan-batches/id-memory.ts';
import { REMEMBERED_IDS } from '../../../functions/shared/limits.ts';
import { partIdsKey } from '../../../functions/shared/object-keys.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RUN_ID } from '../../fakes/sample-run.ts';

const duplicatesOf = (ids: readonly string[]) => ids.length - new Set(ids).size;

test('every id that occurred before counts, wherever the memory is put away and recalled', async () => {
  const ids = fc.array(fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom('', '0', '00', 'a\0', '🦊', 'x'.repeat(100))), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(ids, fc.integer({ min: 1, max: 10 }), async (all, partRows) => {
      const work = new MemoryStore('work');
      let memory = new IdMemory();
      let parts = 0;
      for (const [index, id] of all.entries()) {
        memory.add(id);
        if (index % partRows !== partRows - 1) continue;
        work.seed(partIdsKey(RUN_ID, parts), memory.takeFresh());
        parts += 1;
        memory = await recallIds(work, RUN_ID, parts, memory.duplicates);
      }
      expect(memory.duplicates).toBe(duplicatesOf(all));
    }),
  );
});

describe('a full memory', () => {
  const memory = new IdMemory();
  for (let id = 0; id < REMEMBERED_IDS; id += 1) memory.add(String(id));

  test('has told a million ids apart', () => {
    expect([memory.duplicates, memory.isOverfull]).toEqual([0, false]);
    expect(memory.takeFresh()).toHaveLength(8 * REMEMBERED_IDS);
  });

  test('still knows them, and says that it does not know others', () => {
    memory.add('17');
    memory.add('new');
    memory.add('new');
    expect([memory.duplicates, memory.isOverfull]).toEqual([1, true]);
    expect(memory.takeFresh()).toHaveLength(0);
  });
});

test('the note says how many, and whether there may be more', () => {
  expect(duplicateNote(0, true)).toEqual([]);
  expect(duplicateNote(1, false)).toEqual(['1 row has an id that an earlier row has.']);
  expect(duplicateNote(1_200, true)).toEqual([
    'At least 1,200 rows have an id that an earlier row has (only the first 1,000,000 different ids are compared).',
  ]);
});
