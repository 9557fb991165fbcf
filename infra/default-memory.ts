import type { FunctionName } from './step-permissions.ts';

/** MiB of memory of the functions where a deployment says nothing; CPU and network grow with it. */
export const defaultMemoryMb: Readonly<Record<FunctionName, number>> = {
  'accept-upload': 512,
  'plan-batches': 2048,
  'summarize-batch': 512,
  'write-tables': 2048,
  'finish-run': 1024,
  'watch-runs': 256,
};
