import isCreditCard from 'validator/lib/isCreditCard.js';
import isIBAN from 'validator/lib/isIBAN.js';
import type { RedactionKind } from '../shared/setting-definitions.ts';

/** How often each kind was replaced. */
export type RedactionCounts = Record<RedactionKind, number>;

export const noRedactions = (): RedactionCounts => ({ email: 0, phone: 0, card: 0, iban: 0 });

/** Adds counts to sums, in place. */
export function addRedactions(sums: RedactionCounts, counts: RedactionCounts): void {
  for (const kind of Object.keys(counts) as RedactionKind[]) sums[kind] += counts[kind];
}

/** A text with everything of some kinds replaced by `[email]` and so on; adds to `counts` what was. */
export type Redactor = (text: string, counts: RedactionCounts) => string;

/** Signs that word processors, web pages and East Asian keyboards write in place of the plain ones, all of one UTF-16 unit. */
const foreignSigns = /[\u00a0\u2007\u2009-\u2013\u202f\u2212\u3000\uff01-\uff5e]/g;

/** The text with plain spaces, hyphens and digits, each sign in its place. */
const plain = (text: string): string =>
  text.replace(foreignSigns, (sign) => {
    if (sign >= '\uff01') return String.fromCharCode(sign.charCodeAt(0) - 0xfee0);
    return /[\u2010-\u2013\u2212]/.test(sign) ? '-' : ' ';
  });

/** Longest parts of an address. Source: RFC 5321, 4.5.3.1. */
const LOCAL_PART_CHARACTERS = 64;
const DOMAIN_CHARACTERS = 255;

const isLocal = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}.!#$%&*+=?^_`{|}~'-]/u.test(character);
const isDomain = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}.-]/u.test(character);
/** Labels, the last of them letters: `3.50` is no domain. */
const domain = /^(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.)+(?:\p{L}{2,63}|xn--[a-z0-9-]{1,59})/u;

/** From each `@` on, to both sides as far as an address may go: a text of nothing but such signs takes no more than that for each. */
function redactEmails(written: string): { text: string; count: number } {
  const text = plain(written);
  let redacted = '';
  let done = 0;
  let count = 0;
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    let start = at;
    while (start > done && at - start < LOCAL_PART_CHARACTERS && isLocal(text[start - 1])) start--;
    while (start < at && /['`*_~.]/.test(text[start] as string)) start++;
    let end = at + 1;
    while (end - at <= DOMAIN_CHARACTERS && isDomain(text[end])) end++;
    const host = domain.exec(text.slice(at + 1, end))?.[0];
    if (start === at || host === undefined) continue;
    redacted += `${written.slice(done, start)}[email]`;
    done = at + 1 + host.length;
    count++;
  }
  return { text: redacted + written.slice(done), count };
}

/** Where in a text something may stand, longest first cut back to whole groups until it is what is looked for. */
interface Pattern {
  /** Global; bounded in length, so that each place of a text costs a bounded time. */
  candidate: RegExp;
  /** @param before what stands before it, back to what was replaced last. */
  isOne(candidate: string, before: string): boolean;
}

const isDigitOrLetter = (character: string): boolean =>
  character < '\u0080' ? /[0-9A-Za-z]/.test(character) : /[\p{L}\p{N}]/u.test(character);

const iban: Pattern = {
  candidate: /(?<![\p{L}\p{N}])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}/giu,
  isOne: (candidate) => isIBAN.default(candidate),
};

/** In groups of four, as most are printed, or of 4, 6 and 5, or without any. The checks are of brand and check digit. */
const card: Pattern = {
  candidate: /(?<![\p{L}\p{N}])[2-6]\d{3}(?:[ .-]{0,2}\d{4,6}){2}(?:[ .-]{0,2}\d{1,4}){0,2}/gu,
  isOne: (candidate) => isCreditCard.default(candidate.replace(/[ .-]/g, '')),
};

/** Area and exchange of North America begin with 2 to 9. Source: NANPA, "About the North American Numbering Plan". */
const NORTH_AMERICA = '[2-9]\\d{2}[2-9]\\d{6}';

/**
 * A country code that is assigned, and digits up to the 15 that a number may have. Source: ITU-T E.164 and its list of assigned codes. What
 * libphonenumber knows beyond that, the lengths in each country, would be 120 kB of the planner's bundle.
 */
const e164 = new RegExp(
  `^(?:1${NORTH_AMERICA}|7[3-9]\\d{9}|(?:20|27|3[0-469]|4[0-13-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])\\d{6,13}|(?:2[1-69]|3[578]|42|5[09]|6[7-9]|8[0578]|9[679])\\d{6,13})$`,
);

/** Written with `+` or `00` and the country. */
const international: Pattern = {
  candidate: /(?<![\p{L}\p{N}+])(?:\+|00)[ ]?\(?[1-9](?:[ ()./-]{0,3}\d){6,16}/gu,
  isOne: (candidate, before) =>
    e164.test(candidate.replace(/^00/, '').replace('(0)', '').replace(/\D/g, '')) &&
    !(candidate.startsWith('0') && (otherNumber.test(before) || /\d $/.test(before))),
};

const northAmericanNumber = new RegExp(`^1?${NORTH_AMERICA}$`);

/** `(212) 555-0123`, `212-555-0123`, `212.555.0123`, with or without a 1 before. */
const northAmerican: Pattern = {
  candidate: /(?<![\p{L}\p{N}+.,/-])(?:1[-. ])?(?:\(\d{3}\) ?|\d{3}[-.])\d{3}[-.]\d{4}(?![-./]?\d)/gu,
  isOne: (candidate) => northAmericanNumber.test(candidate.replace(/\D/g, '')),
};

/** A date at the start of what may be a number with a trunk prefix. */
const date = /^\d{1,2}[/-]\d{1,2}[/-]\d{2,4}(?!\d)/;
const TRUNK_DIGITS = { least: 9, most: 12 };
/** Without groups: what a mobile or fixed number has in the countries that write the 0. An article number of 12 or 13 digits is none. */
const PLAIN_TRUNK_DIGITS = { least: 10, most: 11 };

/** What numbers of other things are announced by. */
const otherNumber =
  /\b(?:order|sku|item|article|invoice|reference|ref|batch|serial|bestell\w*|artikel\w*|rechnung\w*)[ .:#]*(?:no|nr|number|id)?[ .:#]*$/i;
const CONTEXT_CHARACTERS = 32;

/** National numbers as most countries write them: a 0, the area, the rest. */
const national: Pattern = {
  candidate: /(?<![\p{L}\p{N}+/-]|(?<!\p{L})[.,]|\d:)\(?0[1-9]\d{0,10}(?:\)?[ /-]{1,3}\d{1,10}){0,5}/gu,
  isOne: (candidate, before) => {
    const digits = candidate.replace(/\D/g, '').length;
    const { least, most } = /^\d+$/.test(candidate) ? PLAIN_TRUNK_DIGITS : TRUNK_DIGITS;
    return digits >= least && digits <= most && !date.test(candidate) && !otherNumber.test(before) && !/\d $/.test(before);
  },
};

/** Ten digits in pairs, as France dots them; no date has five. */
const dottedPairs: Pattern = {
  candidate: /(?<![\p{L}\p{N}+/-]|(?<!\p{L})[.,]|\d:)0[1-9](?:\.\d{2}){4}(?![./-]?\d)/gu,
  isOne: (candidate) => candidate.length === '01.23.45.67.89'.length,
};

function redactPattern(written: string, { candidate, isOne }: Pattern, replacement: string): { text: string; count: number } {
  const text = plain(written);
  let redacted = '';
  let done = 0;
  let count = 0;
  candidate.lastIndex = 0;
  for (let match = candidate.exec(text); match; match = candidate.exec(text)) {
    const start = match.index;
    const end = endOf(text, start, match[0], isOne, done);
    if (end === undefined) {
      // Another one may begin at the next group of this candidate.
      const firstGroup = /^[^\p{L}\p{N}]*[\p{L}\p{N}]+/u.exec(match[0])?.[0].length ?? 1;
      candidate.lastIndex = start + firstGroup;
      continue;
    }
    redacted += written.slice(done, start) + replacement;
    done = end;
    candidate.lastIndex = end;
    count++;
  }
  return { text: redacted + written.slice(done), count };
}

/** Where the longest prefix of a candidate ends that is one and is followed by neither letter nor digit. */
function endOf(text: string, start: number, candidate: string, isOne: Pattern['isOne'], done: number): number | undefined {
  const before = text.slice(Math.max(done, start - CONTEXT_CHARACTERS), start);
  for (let length = candidate.length; length > 0; length--) {
    const [last, next] = [candidate[length - 1] as string, text[start + length]];
    if (!isDigitOrLetter(last) || (next !== undefined && isDigitOrLetter(next))) continue;
    if (isOne(candidate.slice(0, length), before)) return start + length;
  }
  return undefined;
}

const steps: Record<RedactionKind, ((text: string) => { text: string; count: number })[]> = {
  email: [redactEmails],
  iban: [(text) => redactPattern(text, iban, '[iban]')],
  card: [(text) => redactPattern(text, card, '[card]')],
  phone: [international, northAmerican, dottedPairs, national].map((pattern) => (text) => redactPattern(text, pattern, '[phone]')),
};

/** What finds the most goes first: digits of an account or of a card may look like a telephone number. */
const order: readonly RedactionKind[] = ['email', 'iban', 'card', 'phone'];

/** @returns undefined where nothing is to be redacted. Time grows with the length of a text alone, whatever it holds. */
export function redactorOf(kinds: readonly RedactionKind[]): Redactor | undefined {
  if (kinds.length === 0) return undefined;
  const wanted = order.filter((kind) => kinds.includes(kind));
  return (text, counts) => {
    let redacted = text;
    for (const kind of wanted) {
      const mayHold = kind === 'email' ? /[@\uff20]/.test(redacted) : /\d\D{0,3}\d|[\uff10-\uff19]/.test(redacted);
      if (!mayHold) continue;
      for (const step of steps[kind]) {
        const found = step(redacted);
        redacted = found.text;
        counts[kind] += found.count;
      }
    }
    return redacted;
  };
}

const nouns: Record<RedactionKind, [one: string, many: string]> = {
  email: ['mail address', 'mail addresses'],
  phone: ['telephone number', 'telephone numbers'],
  card: ['card number', 'card numbers'],
  iban: ['bank account number', 'bank account numbers'],
};

/** A sentence on what was replaced in a run, also where that was nothing; none where nothing was to be. */
export function redactionNote(kinds: readonly RedactionKind[], counts: RedactionCounts | undefined): string[] {
  if (kinds.length === 0) return [];
  const found = order
    .filter((kind) => kinds.includes(kind))
    .map((kind) => `${(counts?.[kind] ?? 0).toLocaleString('en')} ${nouns[kind][counts?.[kind] === 1 ? 0 : 1]}`);
  return [`Redacted before anything was staged or sent: ${found.join(', ')}.`];
}
