import { type ChatRequest, maxOutputTokensOf, messageText } from './completion.ts';
import { extractiveSummary } from './extractive-summary.ts';
import { extractiveThemes, themeNames } from './extractive-themes.ts';

/** What the model says to the rows of a request, as the value that JSON is made of. */
type StructuredAnswer = (rows: readonly string[], maxOutputTokens: number | undefined) => unknown;

interface KnownFormat {
  answer: StructuredAnswer;
  /** How a request that names no schema shows in its system message that it asks for this format all the same. */
  sign: RegExp;
}

const entryTokens = 20;
const defaultRowTokens = 40;
const leastRowTokens = 12;

/** A summary of each row by itself, as long as its share of the output allows. */
const rowSummaries: StructuredAnswer = (rows, maxOutputTokens) => {
  const share = maxOutputTokens === undefined ? defaultRowTokens : Math.floor(maxOutputTokens / rows.length) - entryTokens;
  return { rows: rows.map((row, index) => ({ row: index + 1, summary: extractiveSummary([row], Math.max(leastRowTokens, share)) })) };
};

const wholeSummary: StructuredAnswer = (rows) => ({ summary: extractiveSummary(rows) });

/** Names for the themes that the one message lists. */
const namesOfThemes: StructuredAnswer = ([message = '[]']) => ({
  themes: themeNames((JSON.parse(message) as { name: string }[]).map(({ name }) => name)),
});

/** Of the output that a request allows, what is not for themes. */
const shareOfOthers = 0.6;

/** Themes beside what else is asked for. */
const withThemes =
  (answer: StructuredAnswer): StructuredAnswer =>
  (rows, maxOutputTokens) => ({
    ...(answer(rows, maxOutputTokens && Math.floor(maxOutputTokens * shareOfOthers)) as object),
    themes: extractiveThemes(rows),
  });

/** The formats that this server can answer in, by the names of their schemas; signs are looked for in this order. */
const formats: Readonly<Record<string, KnownFormat>> = {
  row_summaries_and_themes: { answer: withThemes(rowSummaries), sign: /\{"rows":\[\{"row":1,"summary":"[\s\S]*"themes":\[\{"theme":"/ },
  row_summaries: { answer: rowSummaries, sign: /\{"rows":\[\{"row":1,"summary":"/ },
  summary_and_themes: { answer: withThemes(wholeSummary), sign: /\{"summary":"[\s\S]*"themes":\[\{"theme":"/ },
  theme_names: { answer: namesOfThemes, sign: /\{"themes":\[\{"name":"/ },
};

/** Name of the schema that a request's answer is to follow, undefined where it asks for none. */
export const schemaNameOf = ({ response_format: format }: ChatRequest): string | undefined => {
  const { type, json_schema: schema } = Object(format) as { type?: unknown; json_schema?: { name?: unknown } };
  return type === 'json_schema' && typeof schema?.name === 'string' ? schema.name : undefined;
};

/** The JSON that a request asks for, by its schema's name or else in words; undefined where it asks for plain text. */
export const structuredAnswer = (rows: readonly string[], request: ChatRequest): string | undefined => {
  const name = schemaNameOf(request);
  const rules = request.messages.filter(({ role }) => role === 'system').map(messageText);
  const format = name === undefined ? Object.values(formats).find(({ sign }) => rules.some((text) => sign.test(text))) : formats[name];
  return format && JSON.stringify(format.answer(rows, maxOutputTokensOf(request)));
};
