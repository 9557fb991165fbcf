import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder. It is gone when the command ends: see run.ts. */
export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'hundredfold-bench-'));
