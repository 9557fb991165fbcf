import type { Run } from '../shared/contract.ts';
import {
  REPORT_BATCHES,
  REPORT_EXAMPLES,
  REPORT_KINDS,
  REPORT_ROW_CHARACTERS,
  REPORT_SLICES,
  REPORT_SUMMARY_CHARACTERS,
  REPORT_TEXT_CHARACTERS,
} from '../shared/limits.ts';
import { excerptKey } from '../shared/object-keys.ts';
import type { Plan } from '../shared/plan.ts';
import type { ObjectStore } from '../shared/ports.ts';
import {
  addPaid,
  type Kind,
  LATENCY_SECONDS,
  noPaid,
  type Paid,
  type Quote,
  type ReportBatch,
  type ReportExcerpt,
  type ReportGroup,
  type ReportTheme,
} from '../shared/report-excerpt.ts';
import type { TableName } from '../shared/table-names.ts';
import type { TableRow } from '../shared/tables.ts';
import type { ParquetFile } from './parquet-file.ts';

/** Characters of an example of trouble. */
const EXAMPLE_CHARACTERS = 300;
const ID_CHARACTERS = 200;

const textOf = (value: TableRow[string] | undefined) => (value === null || value === undefined ? null : String(value));
const numberOf = (value: TableRow[string] | undefined) => (value === null || value === undefined ? null : Number(value));
const countOf = (value: TableRow[string] | undefined) => Number(value ?? 0);

/** The beginning of a text, never half of a character. */
function cut(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const isHalved = /[\ud800-\udbff]/.test(text.charAt(characters - 1));
  return text.slice(0, isHalved ? characters - 1 : characters);
}

/** Kinds of trouble in the order of their first occurrence. */
class Kinds {
  private readonly kinds = new Map<string, Kind>();

  add(code: string, place: string, text: string): void {
    let kind = this.kinds.get(code);
    if (!kind) {
      if (this.kinds.size === REPORT_KINDS) return;
      kind = { code, count: 0, examples: [] };
      this.kinds.set(code, kind);
    }
    kind.count++;
    if (kind.examples.length < REPORT_EXAMPLES) kind.examples.push({ place, text: cut(text, EXAMPLE_CHARACTERS) });
  }

  all = (): Kind[] => [...this.kinds.values()];
}

/** What the report of a run takes from one part, gathered from the very rows that its table files get. Bounded whatever the size of the run. */
export class PartExcerpt {
  private readonly part: string;
  private readonly run: Run;
  /** A report is not worth a run: what goes wrong here leaves the part without an excerpt, and the tables alone. */
  private isBroken = false;
  private readonly batchCount: number;
  private readonly batches: ReportBatch[] = [];
  /** Batches of level 0 by their number. */
  private readonly ofRows = new Map<number, { shown: ReportBatch; summary: string | null }>();
  private readonly slices: Record<string, Paid> = {};
  private readonly levels: Record<string, Paid> = {};
  private readonly latencies: number[] = Array.from({ length: LATENCY_SECONDS.length + 1 }, () => 0);
  private readonly failedBatches = new Kinds();
  private readonly failedRows = new Kinds();
  private readonly rejected = new Kinds();
  private groups: ReportGroup[] = [];
  private groupCount = 0;
  private themes: ReportTheme[] = [];
  private readonly quotes = new Map<string, Quote[]>();
  private readonly summaryCharacters: number;
  private readonly rowCharacters: number;
  private rowCharactersLeft = 0;
  private batchOfRows: number | null = null;
  private isBatchFull = false;

  constructor(run: Run, part: string, { counts }: Pick<Plan, 'counts'>) {
    this.run = run;
    this.part = part;
    this.batchCount = Math.max(1, counts.batches);
    const shown = Math.min(this.batchCount, REPORT_BATCHES);
    this.summaryCharacters = Math.min(REPORT_TEXT_CHARACTERS, Math.floor(REPORT_SUMMARY_CHARACTERS / shown));
    this.rowCharacters = Math.floor(REPORT_ROW_CHARACTERS / shown);
  }

  /** Takes what it needs of every row that the files get from now on. */
  watch(files: Partial<Record<TableName, ParquetFile | undefined>>): void {
    for (const [table, file] of Object.entries(files)) {
      const take = this.takers[table as TableName];
      if (!take || !file) continue;
      file.onRow = (row) => {
        if (this.isBroken) return;
        try {
          take(row);
        } catch {
          this.isBroken = true;
        }
      };
    }
  }

  private readonly takers: Partial<Record<string, (row: TableRow) => void>> = {
    batch_summaries: (row) => this.addBatch(row),
    row_summaries: (row) => this.addRow(row),
    rejected_rows: (row) => this.rejected.add(String(row.reason), `line ${row.line}`, String(row.raw)),
    group_summaries: (row) => this.addGroup(row),
    themes: (row) => this.addTheme(row),
    theme_mentions: (row) => this.addMention(row),
  };

  private addBatch(row: TableRow): void {
    const [level, batch] = [countOf(row.level), countOf(row.batch_id)];
    const hasFailed = row.status === 'failed';
    const paid: Paid = {
      batches: 1,
      failed: hasFailed ? 1 : 0,
      fromCache: row.from_cache ? 1 : 0,
      inputTokens: countOf(row.input_tokens),
      outputTokens: countOf(row.output_tokens),
      costUsd: numberOf(row.cost_usd),
    };
    this.levels[level] = addPaid(this.levels[level] ?? noPaid(), paid);
    if (level === 0) {
      const slice = Math.floor(batch / Math.ceil(this.batchCount / REPORT_SLICES));
      this.slices[slice] = addPaid(this.slices[slice] ?? noPaid(), paid);
    }
    const milliseconds = numberOf(row.latency_ms);
    if (milliseconds !== null) {
      const bucket = LATENCY_SECONDS.findIndex((end) => milliseconds / 1000 <= end);
      this.latencies[bucket < 0 ? LATENCY_SECONDS.length : bucket]!++;
    }
    if (hasFailed)
      this.failedBatches.add(textOf(row.error_code) ?? 'unknown', `level ${level}, batch ${batch}`, textOf(row.error_message) ?? '');
    if (batch >= REPORT_BATCHES) return;

    const whole = textOf(row.summary);
    const summary = whole === null ? null : cut(whole, level === 0 ? this.summaryCharacters : REPORT_TEXT_CHARACTERS);
    const parentLevel = numberOf(row.parent_level);
    const shown: ReportBatch = {
      level,
      batch,
      parent: parentLevel === null ? null : [parentLevel, countOf(row.parent_batch_id)],
      group: textOf(row.group_key),
      rows: countOf(row.row_count),
      failed: countOf(row.rows_failed),
      status: String(row.status),
      summary,
      ...(summary !== whole && { isCut: true as const }),
      error: textOf(row.error_code),
      message: row.error_message === null ? null : cut(String(row.error_message), EXAMPLE_CHARACTERS),
      tokens: [paid.inputTokens, paid.outputTokens],
      cost: paid.costUsd,
      seconds: milliseconds === null ? null : milliseconds / 1000,
    };
    this.batches.push(shown);
    if (level === 0) this.ofRows.set(batch, { shown, summary: whole });
  }

  private addRow(row: TableRow): void {
    const failed = row.status === 'failed' ? (textOf(row.error_code) ?? 'unknown') : null;
    if (failed !== null) this.failedRows.add(failed, `row ${row.row_number}, id ${cut(String(row.id), ID_CHARACTERS)}`, String(row.text));
    const number = numberOf(row.batch_id);
    const batch = number === null ? undefined : this.ofRows.get(number);
    if (!batch) return;
    if (this.batchOfRows !== number) {
      this.batchOfRows = number;
      this.isBatchFull = false;
      this.rowCharactersLeft += this.rowCharacters;
      batch.shown.texts = [];
    }
    if (this.isBatchFull) return;
    const id = cut(String(row.id), ID_CHARACTERS);
    const whole = String(row.text);
    const text = cut(whole, REPORT_TEXT_CHARACTERS);
    // The batch's summary stands with the batch; a row has one of its own only where it was asked for.
    const own = textOf(row.summary);
    const summary = own === null || own === batch.summary ? null : cut(own, REPORT_TEXT_CHARACTERS);
    const characters = id.length + text.length + (summary?.length ?? 0);
    if (characters > this.rowCharactersLeft) {
      this.isBatchFull = true;
      return;
    }
    this.rowCharactersLeft -= characters;
    batch.shown.texts?.push({
      ...{ row: countOf(row.row_number), id, text },
      ...(text !== whole && { isCut: true as const }),
      ...(summary !== null && { summary }),
      ...(failed !== null && { failed }),
    });
  }

  private addGroup(row: TableRow): void {
    this.groupCount++;
    const group: ReportGroup = {
      key: String(row.group_key),
      rows: countOf(row.row_count),
      failed: numberOf(row.rows_failed),
      cost: numberOf(row.cost_usd),
      summary: row.summary === null ? null : cut(String(row.summary), REPORT_TEXT_CHARACTERS),
    };
    this.groups.push(group);
    // Sorted only now and then: there may be a hundred thousand.
    if (this.groups.length >= 2 * REPORT_KINDS) this.groups = largest(this.groups);
  }

  private addTheme(row: TableRow): void {
    if (row.group_key !== null || this.themes.length === REPORT_KINDS) return;
    const { theme, row_count: rows, share, positive_rows: positive, negative_rows: negative } = row;
    this.themes.push({
      theme: cut(String(theme), EXAMPLE_CHARACTERS),
      ...{ rows: countOf(rows), share: Number(share ?? 0), positive: countOf(positive), negative: countOf(negative) },
    });
  }

  private addMention(row: TableRow): void {
    const theme = textOf(row.run_theme ?? null);
    if (theme === null || row.quote === null) return;
    const name = cut(theme, EXAMPLE_CHARACTERS);
    const quotes = this.quotes.get(name) ?? [];
    if (quotes.length === REPORT_EXAMPLES || (quotes.length === 0 && this.quotes.size === REPORT_KINDS)) return;
    const [statement, quote] = [row.statement, row.quote].map((text) => cut(String(text), EXAMPLE_CHARACTERS));
    if (quotes.some((other) => other.quote === quote)) return;
    quotes.push({ row: countOf(row.row_number), sentiment: String(row.sentiment), statement: statement ?? '', quote: quote ?? null });
    this.quotes.set(name, quotes);
  }

  excerpt(): ReportExcerpt {
    return {
      ...{ part: this.part, attempt: this.run.attempt },
      ...{ batches: this.batches, slices: this.slices, levels: this.levels, latencies: this.latencies },
      ...{ failedBatches: this.failedBatches.all(), failedRows: this.failedRows.all(), rejected: this.rejected.all() },
      ...{ groups: largest(this.groups), groupCount: this.groupCount, themes: this.themes, quotes: Object.fromEntries(this.quotes) },
    };
  }

  /** Stores the excerpt beside the part's tables. @returns whether there is one now. */
  async store(work: ObjectStore): Promise<boolean> {
    if (this.isBroken) return false;
    try {
      await work.put(excerptKey(this.run.runId, this.part), JSON.stringify(this.excerpt()));
      return true;
    } catch {
      return false;
    }
  }
}

/** The largest groups; of equals the first by name. */
const largest = (groups: readonly ReportGroup[]) =>
  groups.toSorted((one, other) => other.rows - one.rows || (one.key < other.key ? -1 : 1)).slice(0, REPORT_KINDS);
