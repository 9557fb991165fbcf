import { createHash } from 'node:crypto';
import { Html, html } from './html.ts';

/** A page's own style and script, which are all that may work in it. */
export interface PageAssets {
  style: string;
  /** @default none, and none may run */
  script?: string;
}

export interface Section {
  id: string;
  title: string;
  /** The title as it stands among the links to all sections. */
  link: string;
  body: Html;
}

export interface FramedPage {
  title: string;
  /** What it is, above its heading. */
  kind: string;
  heading: string;
  /** The section that the first link leads to. */
  skip: { id: string; words: string };
  facts: Html;
  sections: readonly Section[];
  footer: Html;
  /** What the script reads. @default nothing */
  data?: Html;
}

const sourceHash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/**
 * Nothing is fetched, nothing is sent, nothing runs but the page's own script, and that cannot make markup of text.
 * Source of the last: W3C Trusted Types, "require-trusted-types-for".
 */
const policyOf = ({ style, script }: PageAssets) =>
  [
    "default-src 'none'",
    `script-src ${script === undefined ? "'none'" : sourceHash(script)}`,
    `style-src ${sourceHash(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');

/** A page that needs nothing else. */
export function framedPage({ title, kind, heading, skip, facts, sections, footer, data }: FramedPage, assets: PageAssets): string {
  const { markup } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policyOf(assets)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${asset(assets.style)}</style>
</head>
<body>
<a class="skip" href="#${skip.id}">${skip.words}</a>
<header>
<p class="eyebrow">${kind}</p>
<h1 dir="auto">${heading}</h1>
<p class="facts">${facts}</p>
<nav aria-label="Sections"><ul>${sections.map(({ id, link }) => html`<li><a href="#${id}">${link}</a></li>`)}</ul></nav>
</header>
<main>
${sections.map(({ id, title, body }) => html`<section id="${id}" aria-labelledby="${id}-heading"><h2 id="${id}-heading">${title}</h2>${body}</section>`)}
</main>
<footer><p>${footer}</p></footer>
${data}${
  assets.script !== undefined &&
  html`<script>${asset(assets.script)}</script>
`
}</body>
</html>
`;
  return markup;
}

/** Own code goes in as it is, so that its hash is that of the policy; it must not end its element. */
function asset(text: string): Html {
  if (/<\/(script|style)|<!--/i.test(text)) throw new Error('The code of the page would end its own element');
  return new Html(text);
}
