/** One statement of an SQL text. */
export interface Statement {
  /** From its first word to before its semicolon; comments before it are left out. */
  readonly text: string;
  /** Offset of the first word in the whole text, in UTF-16 units. */
  readonly offset: number;
}

// What may hold a semicolon that ends nothing. Alternatives in the order PostgreSQL's lexer has.
const TOKEN =
  /--[^\n]*|\/\*|\b[eE]'(?:[^'\\]|\\[\s\S]|'')*'?|'(?:[^']|'')*'?|"(?:[^"]|"")*"?|(?<![\w$])\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|;|\s+|[\s\S]/g;

/**
 * Splits SQL at the semicolons that end statements: those in strings, quoted names, dollar quotes
 * and comments (which nest) do not. Bodies of `BEGIN ATOMIC` functions are not known to it.
 */
export function splitStatements(sql: string): readonly Statement[] {
  const statements: Statement[] = [];
  let start = -1;
  let end = 0;
  const finish = () => {
    if (start >= 0) statements.push({ text: sql.slice(start, end), offset: start });
    start = -1;
  };
  const lexer = new RegExp(TOKEN);
  for (let match = lexer.exec(sql); match !== null; match = lexer.exec(sql)) {
    const token = match[0];
    if (token === ";") finish();
    else if (token === "/*") lexer.lastIndex = endOfComment(sql, lexer.lastIndex);
    else if (!token.startsWith("--") && token.trim() !== "") {
      if (/^\$.*\$$/.test(token)) lexer.lastIndex = endOfDollarQuote(sql, token, lexer.lastIndex);
      if (start < 0) start = match.index;
      end = lexer.lastIndex;
    }
  }
  finish();
  return statements;
}

function endOfComment(sql: string, from: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = from;
  let depth = 1;
  for (let mark = marks.exec(sql); mark !== null; mark = marks.exec(sql)) {
    depth += mark[0] === "/*" ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return sql.length;
}

function endOfDollarQuote(sql: string, quote: string, from: number): number {
  const close = sql.indexOf(quote, from);
  return close < 0 ? sql.length : close + quote.length;
}
