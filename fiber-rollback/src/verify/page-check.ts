import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "#runtime";
import { type Answer, describeAnswer } from "./ask.js";

/** What loading a page without a browser found. */
export type PageState =
  | { readonly kind: "whole"; readonly files: number }
  | { readonly kind: "broken"; readonly why: string };

/** More than a page of ours ever loads: a limit for a page that names itself in circles. */
const MOST_FILES = 300;

/**
 * Loads a page as a browser would: the page, then its scripts, styles and preloads, and the modules
 * and files that those name. Every file must answer 200 with the type its use needs (a server that
 * answers every address with its page would fool a check of the status), and every script must be
 * JavaScript to its end.
 *
 * @param read scripts known to be whole, kept from call to call so that none is read twice
 */
export async function checkPage(
  url: string,
  ask: (url: string) => Promise<Answer>,
  read: Set<string> = new Set(),
): Promise<PageState> {
  const page = await ask(url);
  if (page.kind === "unreachable" || page.status !== 200) return broken(describeAnswer(page));
  if (!page.type.includes("text/html")) return broken(`${url} is ${page.type}, not a page`);
  const entries = filesOfPage(page.text).map((path) => new URL(path, url).href);
  if (!entries.some((entry) => isScript(entry))) {
    return broken(`${url} loads no script, so nothing can be drawn`);
  }
  const queue = [...new Set(entries)].filter(
    (file) => new URL(file).origin === new URL(url).origin,
  );
  const scripts: Script[] = [];
  for (const [count, file] of queue.entries()) {
    if (count >= MOST_FILES) return broken(`${url} loads more than ${MOST_FILES} files`);
    const answer = await ask(file);
    const fault = findFault(file, answer);
    if (fault !== null || answer.kind === "unreachable") return broken(fault ?? "unreachable");
    if (isScript(file)) scripts.push({ url: file, text: answer.text });
    for (const next of filesOfAsset(file, answer.text)) if (!queue.includes(next)) queue.push(next);
  }
  const unreadable = await findUnreadable(scripts.filter((script) => !read.has(script.text)));
  if (unreadable === null) for (const script of scripts) read.add(script.text);
  return unreadable === null ? { kind: "whole", files: queue.length } : broken(unreadable);
}

interface Script {
  readonly url: string;
  readonly text: string;
}

const broken = (why: string): PageState => ({ kind: "broken", why });
const isScript = (file: string) => /\.m?js$/.test(new URL(file).pathname);
const isStyle = (file: string) => new URL(file).pathname.endsWith(".css");

/** `src` of scripts, `href` of styles, preloads and icons. */
function filesOfPage(html: string): string[] {
  const found: string[] = [];
  for (const [tag] of html.matchAll(/<(?:script|link)\b[^>]*>/gi)) {
    const address = /\b(?:src|href)\s*=\s*["']([^"']+)["']/i.exec(tag)?.[1];
    if (address !== undefined && !address.startsWith("data:")) found.push(address);
  }
  return found;
}

/** Modules that a built script imports, and files that a style names. */
function filesOfAsset(file: string, text: string): string[] {
  const pattern = isScript(file)
    ? /(?:\bfrom\s*|\bimport\s*\(?\s*)["'](\.{1,2}\/[\w./-]+\.(?:js|css))["']/g
    : isStyle(file)
      ? /url\(\s*["']?((?!data:)[^"')]+)["']?\s*\)/g
      : null;
  if (pattern === null) return [];
  return [...text.matchAll(pattern)].flatMap(([, path]) => {
    const next = path === undefined ? null : new URL(path, file);
    return next === null || next.origin !== new URL(file).origin ? [] : [next.href];
  });
}

function findFault(file: string, answer: Answer): string | null {
  if (answer.kind === "unreachable" || answer.status !== 200) return describeAnswer(answer);
  if (answer.text === "") return `${file} is empty`;
  const wanted = isScript(file) ? "javascript" : isStyle(file) ? "css" : null;
  const fits = wanted === null ? !answer.type.includes("html") : answer.type.includes(wanted);
  return fits ? null : `${file} is ${answer.type || "of no type"}, not what the page needs`;
}

/** Node reads each script without running it: what is cut off or is not JavaScript is named. */
async function findUnreadable(scripts: readonly Script[]): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), "fiber-page-"));
  try {
    for (const [index, script] of scripts.entries()) {
      const path = join(folder, `${index}.mjs`);
      await writeFile(path, script.text);
      const result = await runCommand([process.execPath, "--check", path], { timeoutMs: 30_000 });
      if (result.exitCode !== 0) {
        const why = /^\w*Error: .*/m.exec(result.stderr)?.[0] ?? "it cannot be read";
        return `${script.url} is not a whole script: ${why}`;
      }
    }
    return null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
