import { clearScreenDown, cursorTo, moveCursor } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { SingleBar } from 'cli-progress';
import { painted } from './colours.ts';
import type { MeterLine, MeterPart } from './run-meter.ts';
import { clipped, widthOf } from './terminal-text.ts';

const BAR_INTERVAL_MS = 100;
/** A run of a second says nothing on its way. */
const FIRST_LINE_MS = 2_000;
const LONGEST_PAUSE_MS = 30_000;
const BAR_CHARACTERS = { least: 6, most: 20 };
const DEFAULT_COLUMNS = 80;
const SEPARATOR = ' · ';

/** What a progress shows: a run's meter, or what speaks for several. */
export interface Meter {
  line(): MeterLine;
}

/** Whether a bar may be drawn on a stream: it takes a terminal that obeys cursor control, with a person before it. */
export const hasBar = ({ isTTY }: Pick<NodeJS.WriteStream, 'isTTY'>, { TERM, CI }: Record<string, string | undefined> = process.env) =>
  isTTY === true && TERM !== 'dumb' && (CI === undefined || ['', '0', 'false'].includes(CI));

/** Shows a meter on a stream while a run works: a bar on a terminal, a plain line now and then elsewhere. The words are the meter's. */
export class Progress {
  readonly #meter: Meter;
  readonly #stream: NodeJS.WriteStream;
  readonly #isQuiet: boolean;
  #bar: SingleBar | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Columns that the bar's line takes now. */
  #drawnColumns = 0;

  /** @param isQuiet shows nothing but what is said. */
  constructor(meter: Meter, stream: NodeJS.WriteStream, isQuiet = false) {
    this.#meter = meter;
    this.#stream = stream;
    this.#isQuiet = isQuiet;
  }

  start(): void {
    if (this.#isQuiet || this.#bar || this.#timer) return;
    if (hasBar(this.#stream)) {
      this.#bar = this.#newBar();
      this.#bar.start(1, 0);
      this.#stream.on('resize', this.#onResize);
      process.once('exit', this.#onExit);
    } else {
      this.#speakAfter(FIRST_LINE_MS);
    }
  }

  /** Writes a line, above the bar where there is one. */
  say(line: string, stream: NodeJS.WritableStream = this.#stream): void {
    this.#bar?.stop();
    stream.write(`${line}\n`);
    this.#bar?.start(1, 0);
  }

  /** Leaves the terminal as it was found, its cursor and its line wrapping too. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#bar?.stop();
    this.#bar = undefined;
    this.#stream.off('resize', this.#onResize);
    process.off('exit', this.#onExit);
  }

  readonly #onExit = () => this.stop();

  /** A terminal that has become narrower has broken the line into several, which would stay. */
  readonly #onResize = () => {
    const lines = Math.ceil(this.#drawnColumns / Math.max(1, this.#stream.columns));
    if (lines > 1) moveCursor(this.#stream, 0, 1 - lines);
    cursorTo(this.#stream, 0);
    clearScreenDown(this.#stream);
  };

  #newBar(): SingleBar {
    const bar = new SingleBar({
      // The last column stays free: some terminals break the line there.
      format: () => this.#draw(barLine(this.#meter.line(), (this.#stream.columns || DEFAULT_COLUMNS) - 1, this.#stream)),
      stream: this.#stream,
      fps: 1000 / BAR_INTERVAL_MS,
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: false,
      linewrap: false,
      // Also where the line is the same: a resize has removed it.
      forceRedraw: true,
    });
    // It would go back to where the cursor stood when the bar began, which is another line once the terminal was scrolled or resized.
    Object.assign((bar as unknown as { terminal: object }).terminal, { cursorSave() {}, cursorRestore() {} });
    return bar;
  }

  #draw(line: string): string {
    this.#drawnColumns = widthOf(stripVTControlCharacters(line));
    return line;
  }

  /** Pauses grow with the time that has passed: who waits for an hour reads some hundred lines, not thousands. */
  #speakAfter(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      this.#stream.write(`${plainLine(this.#meter.line())}\n`);
      this.#speakAfter(Math.min(LONGEST_PAUSE_MS, milliseconds * 2));
    }, milliseconds);
    this.#timer.unref();
  }
}

export const plainLine = ({ parts }: MeterLine): string => parts.map(({ text }) => text).join(SEPARATOR);

/** A bar that takes the room that its text leaves, at most so many columns in all; where that is too little, the text loses its lesser parts. */
export function barLine({ share, parts }: MeterLine, columns: number, stream: { isTTY?: boolean }): string {
  const shown = fitting(parts, columns - BAR_CHARACTERS.least - 1) ?? fitting(parts, columns) ?? [];
  const room = columns - widthOf(joined(shown)) - 1;
  const text = shown.map(({ text, isTrouble }) => (isTrouble ? painted(stream, 'red', text) : text)).join(SEPARATOR);
  if (shown.length === 0) return clipped(plainLine({ share, parts }), columns);
  if (room < BAR_CHARACTERS.least) return text;
  const size = Math.min(BAR_CHARACTERS.most, room);
  const filled = Math.floor(Math.min(1, share) * size);
  return `${painted(stream, 'cyan', '█'.repeat(filled) + '░'.repeat(size - filled))} ${text}`;
}

type ShownPart = Pick<MeterPart, 'text' | 'isTrouble'>;

const joined = (parts: readonly ShownPart[]) => parts.map(({ text }) => text).join(SEPARATOR);

/** As many parts as have room, in full where that goes, else in short; undefined where not even the first of them has. */
function fitting(parts: readonly MeterPart[], columns: number): ShownPart[] | undefined {
  const ranks = [...new Set(parts.map(({ rank }) => rank))].sort((one, other) => one - other);
  for (const least of ranks) {
    const kept = parts.filter(({ rank }) => rank >= least);
    const short = kept.map((part) => ({ ...part, text: part.short ?? part.text }));
    for (const form of [kept, short]) if (widthOf(joined(form)) <= columns) return form;
  }
  return undefined;
}
