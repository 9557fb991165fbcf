import type { Rejection, StagedRow } from '../shared/contract.ts';

/** Rows and rejections of a part in the order of their row numbers, each sequence being in order itself. */
export async function* inRowOrder(
  rows: AsyncIterable<StagedRow>,
  rejections: AsyncIterable<Rejection>,
): AsyncIterable<{ row: StagedRow; rejection?: undefined } | { rejection: Rejection; row?: undefined }> {
  const rejected = rejections[Symbol.asyncIterator]();
  let next = await rejected.next();
  for await (const row of rows) {
    while (!next.done && next.value.rowNumber < row.rowNumber) {
      yield { rejection: next.value };
      next = await rejected.next();
    }
    yield { row };
  }
  for (; !next.done; next = await rejected.next()) yield { rejection: next.value };
}
