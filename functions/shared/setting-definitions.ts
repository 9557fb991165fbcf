/**
 * Every setting, once: the schema, the command line's flags, the text form of object metadata and the documentation are
 * made from this list. `identity: false` marks settings that may change between attempts of one run.
 */
export interface SettingDefinition {
  /** `list`: some of `values`, each once; on the command line and in metadata separated by commas. */
  readonly kind: 'text' | 'integer' | 'number' | 'boolean' | 'list';
  readonly default: string | number | boolean | null | readonly string[];
  readonly description: string;
  readonly metavar?: string;
  readonly alias?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly values?: readonly string[];
  readonly identity?: false;
}

const DEFAULT_ROW_INSTRUCTION = 'summarize the customer review in one short sentence';
const DEFAULT_INSTRUCTION = 'summarize the following {rows} customer reviews into a concise paragraph';

/** What can be taken out of texts before anybody sees them. */
export const redactionKinds = ['email', 'phone', 'card', 'iban'] as const;
export type RedactionKind = (typeof redactionKinds)[number];

export const settingDefinitions = {
  textColumn: {
    kind: 'text',
    default: null,
    metavar: 'NAME',
    description: 'column that holds the text, in CSV without a header its place: column_2 (default: found by name)',
  },
  idColumn: {
    kind: 'text',
    default: null,
    metavar: 'NAME',
    description: 'column that holds the id (default: found by name, else the row number)',
  },
  delimiter: {
    kind: 'text',
    default: null,
    values: [',', ';', '\t', '|', 'comma', 'semicolon', 'tab', 'pipe'],
    metavar: 'CHARACTER',
    description: 'what separates the fields of a CSV file: comma, semicolon, tab or pipe, also as the character itself (default: detected)',
  },
  weightColumn: {
    kind: 'text',
    default: null,
    metavar: 'NAME',
    description: 'column with the number of rows that a text stands for, where the texts are summaries already',
  },
  groupColumn: {
    kind: 'text',
    default: null,
    metavar: 'NAME',
    description: 'column by whose values the rows are grouped, several by comma: each group has a summary of its own',
  },
  minGroupRows: {
    kind: 'integer',
    default: 1,
    minimum: 1,
    metavar: 'N',
    description: 'rows below which a group is left out',
  },
  batchRows: {
    kind: 'integer',
    default: 100,
    minimum: 1,
    maximum: 1000,
    metavar: 'N',
    alias: 'batch-size',
    description: 'rows in one model call',
  },
  maxBatchTokens: {
    kind: 'integer',
    default: 100_000,
    minimum: 1_000,
    metavar: 'N',
    description: 'estimated tokens after which a batch ends early',
  },
  maxRowCharacters: {
    kind: 'integer',
    default: 20_000,
    minimum: 1,
    metavar: 'N',
    description: 'characters after which a text is cut and marked truncated',
  },
  redact: {
    kind: 'list',
    default: [] as readonly RedactionKind[],
    values: redactionKinds,
    metavar: 'KINDS',
    description:
      'what to replace in every row before it is staged or sent: email, phone, card, iban; several with commas (default: nothing)',
  },
  model: { kind: 'text', default: 'gpt-6-luna', metavar: 'NAME', description: 'model to ask' },
  serviceTier: {
    kind: 'text',
    default: null,
    values: ['auto', 'default', 'flex', 'priority'],
    metavar: 'TIER',
    description: 'service tier to ask for (default: the endpoint decides)',
  },
  instruction: {
    kind: 'text',
    default: DEFAULT_INSTRUCTION,
    metavar: 'TEXT',
    description: 'what to ask of each batch; {rows} is its number of rows',
  },
  granularity: {
    kind: 'text',
    default: 'batch',
    values: ['batch', 'row'],
    metavar: 'KIND',
    description: 'what has a summary of its own: each batch, or each row',
  },
  rowInstruction: {
    kind: 'text',
    default: DEFAULT_ROW_INSTRUCTION,
    metavar: 'TEXT',
    description: 'what to ask of each row, with granularity row; the instruction is then for the paragraphs made of their summaries',
  },
  maxRowSummaryTokens: {
    kind: 'integer',
    default: 40,
    minimum: 5,
    maximum: 1000,
    metavar: 'N',
    description: "tokens that the answer has for each row's summary, with granularity row",
  },
  temperature: { kind: 'number', default: 0.3, minimum: 0, maximum: 2, metavar: 'N', description: 'sampling temperature' },
  maxOutputTokens: { kind: 'integer', default: 250, minimum: 1, maximum: 100_000, metavar: 'N', description: 'longest answer, in tokens' },
  rollUp: { kind: 'boolean', default: true, description: 'fold the summaries, a hundred to one, level by level down to one paragraph' },
  insights: {
    kind: 'boolean',
    default: false,
    description: 'themes beside the summary, each with the rows that support it, checked against them',
  },
  maxCostUsd: {
    kind: 'number',
    default: null,
    minimum: 0,
    metavar: 'N',
    identity: false,
    description: 'most that the run may cost, in dollars',
  },
  toleratedFailurePercentage: {
    kind: 'number',
    default: 100,
    minimum: 0,
    maximum: 100,
    metavar: 'N',
    identity: false,
    description: 'share of failed rows above which the run is failed',
  },
  requestsPerMinute: {
    kind: 'integer',
    default: null,
    minimum: 1,
    metavar: 'N',
    identity: false,
    description: 'requests per minute to stay below',
  },
  tokensPerMinute: {
    kind: 'integer',
    default: null,
    minimum: 1,
    metavar: 'N',
    identity: false,
    description: 'tokens per minute to stay below',
  },
  upload: {
    kind: 'text',
    default: 'file',
    values: ['file', 'folder'],
    metavar: 'KIND',
    description: 'what one upload is: a file, or a folder closed by _SUCCESS',
  },
} as const satisfies Record<string, SettingDefinition>;

export type SettingName = keyof typeof settingDefinitions;
