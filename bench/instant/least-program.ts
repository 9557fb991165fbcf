import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { Agent, request } from 'node:http';
import { parse } from 'csv-parse';
import { fileWriter, parquetWriteRows } from 'hyparquet-writer';

/** The least program that could do it: parses the file, posts every hundred reviews, writes id, review and summary. It keeps nothing and checks nothing. */
const [path = '', out = '', baseUrl = '', inFlight = '16'] = process.argv.slice(2);
const BATCH_ROWS = 100;
const url = `${baseUrl}/chat/completions`;
const agent = new Agent({ keepAlive: true, maxSockets: Number(inFlight) });

interface Row {
  id: string;
  review: string;
}

async function summary(batch: readonly Row[]): Promise<string> {
  const messages = [
    { role: 'system', content: `summarize the following ${batch.length} customer reviews into a concise paragraph` },
    { role: 'user', content: JSON.stringify(batch.map(({ review }) => review)) },
  ];
  const asked = request(url, { method: 'POST', agent, headers: { 'content-type': 'application/json' } });
  asked.end(JSON.stringify({ model: 'bench', messages, temperature: 0.3, max_tokens: 250 }));
  const [answer] = await once(asked, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString()).choices[0].message.content;
}

async function* batches(): AsyncGenerator<Row[]> {
  let batch: Row[] = [];
  for await (const row of createReadStream(path).pipe(parse({ columns: true }))) {
    batch.push(row);
    if (batch.length < BATCH_ROWS) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

let rows = 0;
async function* summarized(): AsyncGenerator<Row & { summary: string }> {
  const waiting: { batch: Row[]; answer: Promise<string> }[] = [];
  async function* oldest() {
    const { batch, answer } = waiting.shift() as (typeof waiting)[number];
    const text = await answer;
    rows += batch.length;
    for (const { id, review } of batch) yield { id, review, summary: text };
  }
  for await (const batch of batches()) {
    waiting.push({ batch, answer: summary(batch) });
    if (waiting.length === Number(inFlight)) yield* oldest();
  }
  while (waiting.length > 0) yield* oldest();
}

const columns = (['id', 'review', 'summary'] as const).map((name) => ({ name, type: 'STRING' as const }));
await parquetWriteRows({ writer: fileWriter(out), rows: summarized(), columns, rowGroupSize: 10_000 });
agent.destroy();
process.stdout.write(`${JSON.stringify({ rows })}\n`);
