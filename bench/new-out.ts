import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A folder for what a run writes, which stays until the benchmark ends: ext4 passes by every inode that was freed in the last minutes, so a run
 * after thousands of files have been removed takes up to a millisecond more for each new one.
 */
export const newOut = (folder: string): string => mkdtempSync(join(folder, 'out-'));
