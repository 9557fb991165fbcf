/** Every number that bounds the pipeline, once. Units are in the names. */

/** Rows in one staged part. A part is the unit of output files and of continuation. */
export const PART_ROWS = 100_000;
/** Staged bytes after which a part ends early. */
export const PART_BYTES = 64 * 1024 * 1024;

/** Step Functions' limit on what passes between two states. Source: service quotas, "Maximum input or output size". */
export const STATE_PAYLOAD_BYTES = 256 * 1024;

/** Summaries that one merge folds, whatever `batchRows` is. */
export const FAN_IN = 100;

/** Below this many batches each function takes one; from here on several share one, which saves state transitions. */
export const SINGLE_BATCH_LIMIT = 2_000;
export const MIN_BATCHES_PER_FUNCTION = 10;
export const MAX_BATCHES_PER_FUNCTION = 25;

/** Safe upper estimate of a text's tokens is its UTF-8 bytes divided by this. Tokenizers are quadratic on hostile text, so none is run. */
export const BYTES_PER_TOKEN = 2.5;

/** Raw text of a rejected row that is kept, in characters. */
export const RAW_CHARACTERS = 1_000;
/** Bytes after which a record that has not ended is given up. */
export const MAX_RECORD_BYTES = 1024 * 1024;
/** Records read before columns are chosen and the file is judged. */
export const SAMPLE_RECORDS = 1_000;

/** Longest wait that a function sits out itself; a longer one is handed to a Wait state. */
export const MAX_INLINE_WAIT_SECONDS = 5;
/** Time one model call may take. */
export const MODEL_TIMEOUT_MS = 60_000;
/** Time a function keeps free before its deadline to store what it has. */
export const DEADLINE_RESERVE_MS = 30_000;

/** Longest execution name that Step Functions takes. */
export const EXECUTION_NAME_CHARACTERS = 80;
