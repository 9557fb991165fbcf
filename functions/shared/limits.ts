/** Every number that bounds the pipeline, once. Units are in the names. */

/**
 * Half of what V8 may take for young objects, in MiB: a third less memory for planning than with its own 16, in the same time. Also in
 * local/launch.mjs, which runs before anything can be imported.
 */
export const MAX_SEMI_SPACE_MIB = 8;

/** Rows in one staged part. A part is the unit of output files and of continuation. */
export const PART_ROWS = 100_000;
/** Staged bytes after which a part ends early. */
export const PART_BYTES = 64 * 1024 * 1024;

/**
 * Parts and batches up to which their manifests are joined in the call that stages the last part, which takes some seconds; with more the join has a
 * call of its own.
 */
export const JOINED_AT_ONCE_PARTS = 50;
export const JOINED_AT_ONCE_BATCHES = 50_000;

/** Step Functions' limit on what passes between two states. Source: service quotas, "Maximum input or output size". */
export const STATE_PAYLOAD_BYTES = 256 * 1024;

/**
 * Longest settings of one run as JSON. They go with every batch of a function, whose other part may be 25 manifest lines of some kilobytes each.
 */
export const MAX_SETTINGS_BYTES = 64 * 1024;

/** Summaries that one merge folds, whatever `batchRows` is. */
export const FAN_IN = 100;

/** Below this many batches each function takes one; from here on several share one, which saves state transitions. See docs/decisions/019. */
export const SINGLE_BATCH_LIMIT = 100;
/** Functions that the batches of a level are shared among, as long as none has more or fewer than it may. */
export const FUNCTIONS_OF_LEVEL = 2_000;
export const MIN_BATCHES_PER_FUNCTION = 10;
export const MAX_BATCHES_PER_FUNCTION = 25;

/** Safe upper estimate of a text's tokens is its UTF-8 bytes divided by this. Tokenizers are quadratic on hostile text, so none is run. */
export const BYTES_PER_TOKEN = 2.5;

/** Characters of the value of a row's group: it stands in every line of the manifest and in every table. */
export const MAX_GROUP_KEY_CHARACTERS = 500;
/** Staged bytes that are held and sorted at once when rows are grouped, and the records after which such a run ends all the same. */
export const SORTED_RUN_BYTES = 64 * 1024 * 1024;
export const SORTED_RUN_RECORDS = 250_000;
/** Sorted runs that are merged at once: 32 GiB of rows, or 128 million of them. */
export const MAX_SORTED_RUNS = 512;
/** Bytes that all sorted runs together have in memory while they are merged. */
export const MERGE_WINDOW_BYTES = 64 * 1024 * 1024;
/** Groups that are summarized in one run: each is a call at least. */
export const MAX_GROUPS = 1_000_000;

/** Raw text of a rejected row that is kept, in characters. */
export const RAW_CHARACTERS = 1_000;
/** Bytes after which a record that has not ended is given up. */
export const MAX_RECORD_BYTES = 1024 * 1024;
/** Records read before columns are chosen and the file is judged. */
export const SAMPLE_RECORDS = 1_000;

/** Part files of a folder: each is looked at once while the upload is accepted, for which there is a minute. */
export const MAX_FOLDER_PARTS = 5_000;

/** Calls that one batch may cost beyond the first when it has to be cut around rows that the model refuses. */
export const MAX_SPLIT_CALLS = 64;

/** Batches after which a run whose batches nearly all failed is halted, and how many of them must have failed. */
export const BREAKER_BATCHES = 50;
export const BREAKER_FAILURES = 45;

/** Longest wait that a function sits out itself; a longer one is handed to a Wait state. */
export const MAX_INLINE_WAIT_SECONDS = 5;
/** Time one model call may take whose answer is at most a page. */
export const MODEL_TIMEOUT_MS = 60_000;
/** Tokens that need no more time than that, and how many a slow model writes a second beyond them. */
const TIMELY_ANSWER_TOKENS = 2_000;
const SLOW_TOKENS_PER_SECOND = 50;
/** Longest answer that is asked for, whatever the model can write: a slow one ends it within six minutes, in a function that has ten. */
export const MAX_ANSWER_TOKENS = 16_384;
/** Time that a call needs beyond MODEL_TIMEOUT_MS for the length of its answer. */
export const answerTimeMs = (maxOutputTokens: number): number =>
  Math.ceil((Math.max(0, maxOutputTokens - TIMELY_ANSWER_TOKENS) * 1000) / SLOW_TOKENS_PER_SECOND);
/** Time a function keeps free before its deadline to store what it has. */
export const DEADLINE_RESERVE_MS = 30_000;

/** Longest execution name that Step Functions takes. */
export const EXECUTION_NAME_CHARACTERS = 80;

/** First bytes of an upload that decide whether it is UTF-8. */
export const ENCODING_BYTES = 1024 * 1024;
/** Most that a compressed upload may unpack to: what one invocation of the planner copies to S3 in half of its time. */
export const MAX_CONVERTED_BYTES = 32 * 1024 ** 3;
/** How many times its own size an upload may unpack to, once it is larger than MIN_EXPANDED_BYTES: beyond that it is a trap, not a table. */
export const MAX_EXPANSION = 200;
export const MIN_EXPANDED_BYTES = 1024 ** 3;

/** Most that one page of a Parquet column may unpack to, and how many values it may hold: a page is decoded at once. */
export const MAX_PARQUET_PAGE_BYTES = 128 * 1024 * 1024;
export const MAX_PARQUET_PAGE_VALUES = 16 * 1024 * 1024;
/** Largest nested column (list, map, struct) of one row group, unpacked: it is assembled at once. */
export const MAX_PARQUET_NESTED_BYTES = 128 * 1024 * 1024;
/** Largest Parquet footer: it is held in memory, many times its size. */
export const MAX_PARQUET_FOOTER_BYTES = 16 * 1024 * 1024;

/** Different ids that are remembered to count those that occur again. */
export const REMEMBERED_IDS = 1_000_000;

/** Themes that a batch is asked for, and that a group, a fold or a run has at most. */
export const MAX_ASKED_THEMES = 12;
export const MAX_THEMES = 20;
/** Claims of one answer that are looked at. */
export const MAX_CLAIMS = 60;
/** Longest name of a theme, and longest statement about it. */
export const MAX_THEME_CHARACTERS = 80;
export const MAX_STATEMENT_CHARACTERS = 300;
/** Themes that one call is asked to name; the less mentioned keep their names. */
export const MAX_NAMED_THEMES = 1_000;
/** Ids of rows that a theme is shown with. */
export const MAX_EXAMPLE_IDS = 5;

/** Batches of level 0 that a report holds; of a run with more, the first of them. */
export const REPORT_BATCHES = 20_000;
/** Characters of all summaries of level 0 together in a report: each is cut after its share of them. */
export const REPORT_SUMMARY_CHARACTERS = 24_000_000;
/** Characters of all rows together in a report. Each batch has its share, and what those before it in their part have left of theirs. */
export const REPORT_ROW_CHARACTERS = 8_000_000;
/** Characters after which any single text is cut in a report. */
export const REPORT_TEXT_CHARACTERS = 4_000;
/** Most that one part gives to a report of: kinds of failure, groups, themes; and examples of each. */
export const REPORT_KINDS = 100;
export const REPORT_EXAMPLES = 3;
/** Most slices of a run that the charts of a report show: of equally many batches each, but for the last. */
export const REPORT_SLICES = 40;
/** Time after which a report is given up, so that it never keeps a run from its end. */
export const REPORT_SECONDS = 60;
