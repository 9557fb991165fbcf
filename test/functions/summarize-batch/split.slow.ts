import { expect, test } from '@jest/globals';
import { callsAroundBadRow } from './bad-row.ts';

/** All small ones, and those around a power of two and the default. */
const sizes = [...Array.from({ length: 20 }, (_, index) => index + 1), 63, 64, 65, 100];

test('one bad row at every place of batches of up to 100 rows: that row fails, at most fifteen extra calls', async () => {
  let most = 0;
  for (const rows of sizes) {
    for (let bad = 0; bad < rows; bad++) most = Math.max(most, await callsAroundBadRow(rows, bad));
  }
  expect(most).toBe(15);
});
