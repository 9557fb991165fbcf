/** Code for the page, as text: this program has no document. */
// How much texts stand out from the ground of the page. Source: WCAG 2.2, "contrast ratio".
export const contrastsOf = (places: readonly string[]): string => `(() => {
  const luminance = (colour) =>
    colour.match(/[\\d.]+/g).slice(0, 3).reduce((sum, part, index) => {
      const value = part / 255;
      return sum + (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4) * [0.2126, 0.7152, 0.0722][index];
    }, 0);
  const ground = luminance(getComputedStyle(document.body).backgroundColor);
  const places = ${JSON.stringify(places)};
  return places.map((place) => {
    const text = luminance(getComputedStyle(document.querySelector(place)).color);
    return [place, (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05)];
  });
})()`;

/** Those of the report. */
export const contrasts = contrastsOf([
  'body',
  '.facts',
  '.status',
  'nav a',
  '.notes',
  '.tiles dt',
  '.tree .meta',
  '.tree .text',
  'figcaption span',
  '.place',
]);
