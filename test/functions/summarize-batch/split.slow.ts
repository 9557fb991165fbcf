import { expect, test } from '@jest/globals';
import { callsAroundBadRow } from './bad-row.ts';

test('one bad row at every place of every batch of 1 to 100 rows: that row fails, at most fifteen extra calls', async () => {
  let most = 0;
  for (let rows = 1; rows <= 100; rows++) {
    for (let bad = 0; bad < rows; bad++) most = Math.max(most, await callsAroundBadRow(rows, bad));
  }
  expect(most).toBe(15);
});
