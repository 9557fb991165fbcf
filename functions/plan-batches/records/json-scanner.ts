const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
const OPEN_ARRAY = 91;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const LINE_FEED = 10;
const SPACE = 32;

export const isJsonSpace = (byte: number | undefined) => byte === SPACE || byte === LINE_FEED || byte === 13 || byte === 9;
const isOpening = (byte: number | undefined) => byte === QUOTE || byte === OPEN_OBJECT || byte === OPEN_ARRAY;
/** What a number, a word or whatever else is no bracket and no string ends with: words of one line are taken together. */
const isScalarEnd = (byte: number | undefined) =>
  byte === COMMA || byte === LINE_FEED || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT || isOpening(byte);

/**
 * Finds the end of one JSON value by its brackets and quotes, over as many stretches of bytes as it takes. What is in between is
 * `JSON.parse`'s to judge, but for what shows that the brackets and quotes cannot be trusted (`suspect`).
 */
export class JsonScanner {
  /**
   * How many bytes after the value's first one stands what no JSON has there: a string that no `,` `:` `]` or `}` follows, that holds a
   * line break, a bracket closed by the other kind, or one that opens where a name is due. null: all is well so far.
   */
  suspect: number | null = null;
  /** How many bytes after the value's first one that showed. */
  detected = 0;
  #scanned = 0;
  #isScalar = false;
  readonly #open: number[] = [];
  #isInString = false;
  #isEscaped = false;
  #stringStart = 0;
  /** Whether the last thing seen was the end of a string. */
  #isAfterString = false;
  #lastMark = 0;

  /** @returns the index after the value, or -1 where it goes on behind `limit`; then scan on there. */
  scan(bytes: Buffer, start: number, limit: number): number {
    const first = start - this.#scanned;
    let at = start;
    if (this.#scanned === 0 && !isOpening(bytes[start])) {
      this.#isScalar = true;
      at += 1;
    }
    if (this.#isScalar) {
      while (at < limit && !isScalarEnd(bytes[at])) at += 1;
      this.#scanned = at - first;
      return at < limit ? at : -1;
    }
    for (; at < limit; at += 1) {
      const byte = bytes[at] as number;
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === BACKSLASH) this.#isEscaped = true;
        else if (byte === QUOTE) {
          this.#isInString = false;
          this.#isAfterString = true;
          if (this.#open.length === 0) return at + 1;
        } else if (byte < SPACE) this.#suspect(this.#stringStart, at - first);
        continue;
      }
      if (isJsonSpace(byte)) continue;
      if (this.#isAfterString) {
        this.#isAfterString = false;
        if (byte !== COMMA && byte !== COLON && byte !== CLOSE_ARRAY && byte !== CLOSE_OBJECT) {
          this.#suspect(this.#stringStart, at - first);
        }
      }
      if (byte === QUOTE) {
        this.#isInString = true;
        this.#stringStart = at - first;
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        if (this.#open.at(-1) === OPEN_OBJECT && this.#lastMark !== COLON) this.#suspect(at - first, at - first);
        this.#open.push(byte);
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        // The codes of the two brackets of a kind differ by two.
        if (this.#open.pop() !== byte - 2) this.#suspect(0, at - first);
        if (this.#open.length === 0) return at + 1;
      }
      this.#lastMark = byte;
    }
    this.#scanned = at - first;
    return -1;
  }

  #suspect(offset: number, detected: number): void {
    if (this.suspect !== null) return;
    this.suspect = offset;
    this.detected = detected;
  }
}
