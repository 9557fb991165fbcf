import { styleText } from 'node:util';

type Environment = Record<string, string | undefined>;

/** Whether a stream is to show colours. NO_COLOR forbids them (no-color.org), else FORCE_COLOR decides, else it takes a terminal that has them. */
export function hasColours({ isTTY }: { isTTY?: boolean }, { NO_COLOR, FORCE_COLOR, TERM }: Environment = process.env): boolean {
  if (NO_COLOR) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return isTTY === true && TERM !== 'dumb';
}

/** The text in a colour, where the stream shows colours. */
export const painted = (stream: { isTTY?: boolean }, colour: 'cyan' | 'red', text: string): string =>
  hasColours(stream) ? styleText(colour, text, { validateStream: false }) : text;
