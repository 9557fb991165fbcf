import { pathToFileURL } from 'node:url';

/** Imports a bundle, where it is given one, and prints the milliseconds that took. */
const [bundle] = process.argv.slice(2);
const started = performance.now();
if (bundle !== undefined) {
  const { handler } = (await import(pathToFileURL(bundle).href)) as { handler: unknown };
  if (typeof handler !== 'function') throw new Error('The bundle has no handler');
}
process.stdout.write(`${JSON.stringify({ importMs: performance.now() - started })}\n`);
