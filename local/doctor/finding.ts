/** What one look found. `missing`: something that is needed; `note`: something to know. */
export interface Finding {
  /** What was looked at: `Node`, `model key`. */
  what: string;
  state: 'ok' | 'note' | 'missing';
  /** What was found, in a sentence. */
  words: string;
  /** The way out, of what is missing. */
  remedy?: string;
}

export const ok = (what: string, words: string): Finding => ({ what, state: 'ok', words });
export const note = (what: string, words: string): Finding => ({ what, state: 'note', words });
export const missing = (what: string, words: string, remedy: string): Finding => ({ what, state: 'missing', words, remedy });
