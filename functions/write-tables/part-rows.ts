import type { Rejection, StagedRow } from '../shared/contract.ts';

type PartRecord = { row: StagedRow; rejection?: undefined } | { rejection: Rejection; row?: undefined };

/** Rows and rejections of a part in the order of their row numbers, each sequence being in order itself. */
export async function* inRowOrder(rows: AsyncIterable<StagedRow>, rejections: AsyncIterable<Rejection>): AsyncIterable<PartRecord> {
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

/** All rows of a part, then its rejections. */
export async function* oneAfterTheOther(rows: AsyncIterable<StagedRow>, rejections: AsyncIterable<Rejection>): AsyncIterable<PartRecord> {
  for await (const row of rows) yield { row };
  for await (const rejection of rejections) yield { rejection };
}
