const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;' };

/** Text as XML character data. */
export const text = (value: string) => value.replaceAll(/[&<>"\r]/g, (character) => entities[character]!);

/** An element around XML, or around a number. */
export const element = (name: string, content: string | number) => `<${name}>${content}</${name}>`;

export const xmlDocument = (name: string, content: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${content}</${name}>`;

/** Content of every element of that name, in order; elements that hold themselves are not expected. */
export const contentsOf = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, 'g'))].map((match) => match[1]!);

/** Character data of the first element of that name. */
export function textOf(xml: string, name: string): string | undefined {
  return contentsOf(xml, name)[0]?.replaceAll(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (entity, hexadecimal, decimal, name) => {
    if (hexadecimal !== undefined) return String.fromCodePoint(Number.parseInt(hexadecimal, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    const known = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }[name as string];
    if (known === undefined) throw new Error(`Unknown entity ${entity}`);
    return known;
  });
}
