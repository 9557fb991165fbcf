/** Exit code of a program whose database could not do with its memory; Node's own are lower, those of signals higher. */
export const OUT_OF_MEMORY = 20;

/** Whether DuckDB gave up for want of memory. Only its message tells. */
export const isOutOfMemory = (error: unknown): boolean => error instanceof Error && error.message.includes('Out of Memory Error');
