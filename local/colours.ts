import { styleText } from 'node:util';

/** The text in a colour where the stream shows colours: no pipe, no dumb terminal. NO_COLOR forbids them (no-color.org), else FORCE_COLOR demands them. */
export const painted = (stream: NodeJS.WritableStream, colour: 'cyan' | 'red', text: string): string =>
  process.env.NO_COLOR ? text : styleText(colour, text, { stream });
