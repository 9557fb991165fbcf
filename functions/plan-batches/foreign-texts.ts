/** Text that is no table of texts, and how to make one of it. */
interface ForeignText {
  code: string;
  sentence: string;
}

const sqlDump: ForeignText = {
  code: 'sql_dump',
  sentence:
    'is SQL, as a database dump is; export the table as CSV (PostgreSQL: \\copy TABLE to FILE csv header; MySQL: mysql --batch -e ' +
    '"select * from TABLE" DATABASE; SQLite: sqlite3 -header -csv) and drop that instead',
};
const webPage: ForeignText = {
  code: 'web_page',
  sentence:
    'is a web page (HTML); open it in a spreadsheet program and save the table as CSV UTF-8, or put the texts into a text file, one a line, ' +
    'and drop that instead',
};
const xml: ForeignText = {
  code: 'xml',
  sentence: 'is XML; export it as CSV (a spreadsheet program may open it), JSON or JSONL, one record a row, and drop that instead',
};

/** Characters at the start that are looked at; a dump may begin with a long comment. */
const START_CHARACTERS = 64 * 1024;

const startsHtml = /^<(?:!doctype\s+html|html|head|body|table|style|script|meta)\b[^<]*>/i;
const startsXml = /^<(?:\?xml\s|!doctype\s)/i;
const rootElement = /^<([A-Za-z_][\w:.-]*)(?:\s[^<>]*)?>/;
const dumpComment = /^--[^\n]*\b(?:mysql|mariadb|sqlite|sql|database|cluster) dump\b/im;
/** Statements with which dumps begin, as prose never does. */
const statements = [
  /(?:create|drop|alter)\s+(?:temp(?:orary)?\s+|unlogged\s+)?(?:table|database|schema|view|type|extension|sequence)\s+[^,;]*[(;]/iy,
  /(?:insert(?:\s+ignore)?|replace)\s+into\s+\S+\s*(?:\([^()]*\)\s*)?(?:values|select)\b/iy,
  /insert\s+\[[^\]]+\]/iy,
  /use\s+\[?\w+\]?;?\s*\r?\n\s*go\b/iy,
  /set\s+(?:names\s|define\s|[@\w.]+\s*=)[^;\n]*;/iy,
  /(?:start\s+transaction|begin\s+transaction|lock\s+tables\s[^;]*|pragma\s+\w+\s*=\s*\w+)\s*;/iy,
  /copy\s+\S+\s+(?:\([^()]*\)\s+)?from\s+stdin\b/iy,
];

/** Index of the first statement: after white space and comments of SQL. */
function afterComments(text: string): number {
  let at = 0;
  for (;;) {
    while (/\s/.test(text.charAt(at))) at += 1;
    const isBlock = text.startsWith('/*', at);
    if (!isBlock && !text.startsWith('--', at) && !text.startsWith('REM ', at)) return at;
    const end = isBlock ? text.indexOf('*/', at + 2) : text.indexOf('\n', at);
    if (end === -1) return text.length;
    at = isBlock ? end + (text.charAt(end + 2) === ';' ? 3 : 2) : end;
  }
}

function isSql(text: string): boolean {
  const start = afterComments(text);
  if (dumpComment.test(text.slice(0, start))) return true;
  return statements.some((statement) => {
    statement.lastIndex = start;
    return statement.test(text);
  });
}

/** What a text is that is no table: bytes in UTF-8, without a byte order mark. */
export function foreignTextOf(bytes: Buffer, isWhole: boolean): ForeignText | undefined {
  const text = bytes.toString('utf8', 0, START_CHARACTERS).trimStart();
  if (isSql(text)) return sqlDump;
  if (!text.startsWith('<')) return undefined;
  if (startsHtml.test(text)) return webPage;
  if (startsXml.test(text)) return xml;
  const root = rootElement.exec(text)?.[1];
  const isElement = root !== undefined && isWhole && bytes.toString('latin1').trimEnd().endsWith(`</${root}>`);
  // Texts may begin with an element, too: of a document the first closes at its end and nowhere else.
  return isElement && bytes.indexOf(`</${root}>`) === bytes.lastIndexOf(`</${root}>`) ? xml : undefined;
}
