import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, expect, jest, test } from '@jest/globals';
import { hasColours } from '../../../local/colours.ts';
import { barLine, hasBar, Progress } from '../../../local/progress.ts';
import type { MeterLine } from '../../../local/run-meter.ts';

/** A stream that keeps what is written; with columns it is a terminal. */
class FakeStream extends Writable {
  text = '';
  readonly isTTY: boolean;
  columns: number | undefined;

  constructor(columns?: number) {
    super();
    this.isTTY = columns !== undefined;
    this.columns = columns;
  }

  override _write(chunk: Buffer, _: string, done: () => void) {
    this.text += chunk.toString();
    done();
  }
}
const asStream = (stream: FakeStream) => stream as unknown as NodeJS.WriteStream;

const line: MeterLine = {
  share: 0.5,
  parts: [
    { text: 'level 1 of 3', short: 'L1/3', rank: 6 },
    { text: '120/254 batches', short: '120/254', rank: 9 },
    { text: '3 failed', rank: 7, isTrouble: true },
    { text: '1,020 rows/s', rank: 2 },
    { text: '120 calls (2 without an answer)', short: '120 calls', rank: 3 },
    { text: '40 cached', rank: 4 },
    { text: '1.2M tokens', rank: 1 },
    { text: '$0.1234', rank: 5 },
    { text: '3 min 2 s left', short: '3 min 2 s', rank: 8 },
  ],
};
const plain = new FakeStream();

const environment = { ...process.env };
afterEach(() => {
  process.env = { ...environment };
  jest.useRealTimers();
});

test('all of it where there is room; then the lesser parts go, down to a bare count', () => {
  const at = (columns: number) => barLine(line, columns, plain);
  expect(at(159)).toBe(
    '███████░░░░░░░░ level 1 of 3 · 120/254 batches · 3 failed · 1,020 rows/s · 120 calls (2 without an answer) · 40 cached · 1.2M tokens · $0.1234 · 3 min 2 s left',
  );
  expect(at(79)).toBe('███░░░░ L1/3 · 120/254 · 3 failed · 120 calls · 40 cached · $0.1234 · 3 min 2 s');
  expect(at(39)).toBe('████░░░░ 120/254 · 3 failed · 3 min 2 s');
  expect(at(19)).toBe('█████░░░░░░ 120/254');
  expect(at(9)).toBe('120/254');
  expect(at(5)).toBe('leve…');
});

test('whatever the width, no line is wider', () => {
  for (let columns = 1; columns <= 200; columns++) expect(barLine(line, columns, plain).length).toBeLessThanOrEqual(columns);
});

test('colours on a terminal alone: the bar in one, failures in red; they change nothing else', () => {
  process.env = { TERM: 'xterm' };
  const coloured = barLine(line, 79, new FakeStream(100));
  expect(coloured).toContain('\u001b[31m3 failed\u001b[39m');
  expect(coloured.startsWith('\u001b[36m█')).toBe(true);
  expect(stripVTControlCharacters(coloured)).toBe(barLine(line, 79, plain));
  expect(barLine(line, 79, plain)).not.toContain('\u001b');
});

test('NO_COLOR takes colours away, unless it is empty; FORCE_COLOR gives them to a pipe', () => {
  const [terminal, pipe] = [{ isTTY: true }, { isTTY: false }];
  expect(hasColours(terminal, {})).toBe(true);
  expect(hasColours(terminal, { TERM: 'dumb' })).toBe(false);
  expect(hasColours(terminal, { NO_COLOR: '' })).toBe(true);
  expect(hasColours(terminal, { NO_COLOR: '1', FORCE_COLOR: '1' })).toBe(false);
  expect(hasColours(terminal, { FORCE_COLOR: '0' })).toBe(false);
  expect(hasColours(pipe, { FORCE_COLOR: '1' })).toBe(true);
});

test('a bar needs a terminal with a person before it', () => {
  expect(hasBar({ isTTY: true }, { TERM: 'xterm' })).toBe(true);
  expect(hasBar({ isTTY: true }, { CI: 'false' })).toBe(true);
  expect(hasBar({ isTTY: false }, {})).toBe(false);
  expect(hasBar({ isTTY: true }, { CI: 'true' })).toBe(false);
  expect(hasBar({ isTTY: true }, { TERM: 'dumb' })).toBe(false);
});

test('in a pipe: no line in the first two seconds, then ever more rarely, without control characters', () => {
  jest.useFakeTimers();
  const stream = new FakeStream();
  const progress = new Progress({ line: () => ({ share: 0, parts: [{ text: 'at work', rank: 1 }] }) }, asStream(stream));
  progress.start();
  jest.advanceTimersByTime(1_900);
  expect(stream.text).toBe('');
  jest.advanceTimersByTime(200);
  expect(stream.text).toBe('at work\n');
  jest.advanceTimersByTime(58_000);
  expect(stream.text.split('\n')).toHaveLength(6);
  progress.stop();
  jest.advanceTimersByTime(600_000);
  expect(stream.text.split('\n')).toHaveLength(6);
});

test('on a terminal: what is said stands above the bar, and the end restores cursor and line wrapping', () => {
  jest.useFakeTimers();
  process.env = { TERM: 'xterm' };
  const stream = new FakeStream(40);
  const progress = new Progress({ line: () => line }, asStream(stream));
  progress.start();
  expect(stream.text).toContain('\u001b[?25l');
  expect(stripVTControlCharacters(stream.text)).toContain('120/254 · 3 failed · 3 min 2 s');
  progress.say('Note');
  expect(stream.text).toContain('\u001b[2KNote\n\u001b[?25l');
  stream.text = '';
  progress.stop();
  expect(stream.text).toContain('\u001b[?25h');
  expect(stream.text).toContain('\u001b[?7h');
  expect(stream.text.endsWith('\u001b[2K')).toBe(true);
});

test('a terminal that has become narrower: the lines into which it broke the bar are cleared', () => {
  jest.useFakeTimers();
  process.env = { TERM: 'xterm' };
  const stream = new FakeStream(80);
  const progress = new Progress({ line: () => line }, asStream(stream));
  progress.start();
  stream.text = '';
  stream.columns = 30;
  stream.emit('resize');
  expect(stream.text).toBe('\u001b[2A\u001b[1G\u001b[0J');
  jest.advanceTimersByTime(150);
  expect(stripVTControlCharacters(stream.text).length).toBeLessThan(30);
  progress.stop();
});

test('quiet: only what is said', () => {
  jest.useFakeTimers();
  for (const stream of [new FakeStream(80), new FakeStream()]) {
    const progress = new Progress({ line: () => line }, asStream(stream), true);
    progress.start();
    progress.say('Warning');
    jest.advanceTimersByTime(60_000);
    progress.stop();
    expect(stream.text).toBe('Warning\n');
  }
});
