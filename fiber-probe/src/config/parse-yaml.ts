import { type Document, isMap, isScalar, LineCounter, parseDocument } from "yaml";

/** A parsed document that knows where each of its values stands. */
export interface SourceDocument {
  readonly kind: "document";
  readonly value: unknown;
  /** Prefixes a message with line and path of the nearest value that exists. */
  locate(path: readonly PropertyKey[], message: string): string;
}

/** A text that is no usable YAML, with every reason. */
export interface InvalidDocument {
  readonly kind: "invalid";
  readonly problems: readonly string[];
}

/** More aliases than this make a document grow beyond what its file shows. */
const MAX_ALIASES = 100;
const MAX_SYNTAX_PROBLEMS = 20;

/** Parses UTF-8 YAML 1.2 of one document; never throws. */
export function parseYaml(bytes: Buffer): SourceDocument | InvalidDocument {
  const text = decodeUtf8(bytes);
  if (typeof text !== "string") return { kind: "invalid", problems: [text.problem] };
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, stringKeys: true });
  if (document.errors.length > 0) {
    const problems = document.errors.slice(0, MAX_SYNTAX_PROBLEMS).map((error) => {
      const { line, col } = lineCounter.linePos(error.pos[0]);
      return `line ${line}, column ${col}: ${error.message}`;
    });
    return { kind: "invalid", problems };
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return { kind: "document", value, locate: createLocator(document, lineCounter) };
  } catch (cause) {
    // The only throw left: aliases that point nowhere or multiply beyond the limit.
    return { kind: "invalid", problems: [`aliases: ${(cause as Error).message}`] };
  }
}

function decodeUtf8(bytes: Buffer): string | { readonly problem: string } {
  if (bytes.length >= 2 && (bytes.readUInt16BE(0) === 0xfffe || bytes.readUInt16BE(0) === 0xfeff)) {
    return { problem: "the file is UTF-16; save it as UTF-8" };
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { problem: "the file is not UTF-8; save it as UTF-8" };
  }
  return text.includes("\0") ? { problem: "the file holds NUL bytes; it is no text" } : text;
}

function createLocator(document: Document.Parsed, lineCounter: LineCounter) {
  const lineOf = (path: readonly PropertyKey[]): number | null => {
    const key = path.at(-1);
    const parent = path.length === 0 ? null : document.getIn(path.slice(0, -1), true);
    const pair = isMap(parent)
      ? parent.items.find((item) => isScalar(item.key) && item.key.value === key)
      : undefined;
    const node = (pair?.key ?? document.getIn([...path], true)) as
      | { readonly range?: readonly [number, number, number] | null }
      | undefined;
    if (node?.range) return lineCounter.linePos(node.range[0]).line;
    return path.length === 0 ? null : lineOf(path.slice(0, -1));
  };
  return (path: readonly PropertyKey[], message: string): string => {
    const line = lineOf(path);
    const where = path.length === 0 ? "" : `${formatPath(path)}: `;
    return line === null ? `${where}${message}` : `line ${line}: ${where}${message}`;
  };
}

/** `targets[2].host`, counting from 0 as in the document's own notation. */
function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === "number" ? `[${key}]` : `${i > 0 ? "." : ""}${String(key)}`))
    .join("");
}
