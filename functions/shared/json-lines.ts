const LINE_FEED = 0x0a;

/** The lines of a stream of bytes, in groups, without their line feeds; empty lines are left out. Holds one line and one chunk at a time. */
export async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string[]> {
  let rest: Buffer[] = [];
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const lastBreak = bytes.lastIndexOf(LINE_FEED);
    if (lastBreak < 0) {
      rest.push(bytes);
      continue;
    }
    const whole = Buffer.concat([...rest, bytes.subarray(0, lastBreak)]).toString('utf8');
    rest = lastBreak + 1 < bytes.length ? [bytes.subarray(lastBreak + 1)] : [];
    const group = whole.split('\n').filter((line) => line !== '');
    if (group.length > 0) yield group;
  }
  const last = Buffer.concat(rest).toString('utf8');
  if (last !== '') yield [last];
}

/** The JSON values of a stream of JSON lines. */
export async function* jsonLines<Value>(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Value> {
  for await (const group of lines(chunks)) for (const line of group) yield JSON.parse(line) as Value;
}

/** The JSON value of stored bytes. */
export const parseJson = (bytes: Uint8Array): unknown =>
  JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
