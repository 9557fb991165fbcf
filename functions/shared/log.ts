import type { Log } from './ports.ts';

/** A log whose every line has these fields. */
export const logOn = (log: Log, subject: Record<string, unknown>): Log => ({
  info: (message, fields) => log.info(message, { ...subject, ...fields }),
  warn: (message, fields) => log.warn(message, { ...subject, ...fields }),
});
