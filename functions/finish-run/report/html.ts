/** Markup that may stand in a page as it is. */
export class Html {
  readonly markup: string;
  constructor(markup: string) {
    this.markup = markup;
  }
}

type Value = string | number | boolean | null | undefined | Html | readonly Value[];

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => entities[character] as string);

function markupOf(value: Value): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Html) return value.markup;
  if (Array.isArray(value)) return value.map(markupOf).join('');
  return escaped(String(value));
}

/** Markup with values in it. Whatever is not markup itself is text: it is escaped, for contents and for attributes in quotes. */
export const html = (parts: TemplateStringsArray, ...values: readonly Value[]): Html =>
  new Html(parts.map((part, index) => part + (index < values.length ? markupOf(values[index]) : '')).join(''));

/**
 * JSON that may stand in a script element: nothing in it ends the element, opens a comment or breaks a line of a script. What is null is left out
 * of objects.
 */
export const embeddedJson = (value: unknown): Html =>
  new Html(
    JSON.stringify(value, (_, inner) => (inner === null ? undefined : inner)).replace(
      /[<>&\u2028\u2029]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  );
