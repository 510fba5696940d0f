/** Links of a Markdown text with their lines: inline, images, reference definitions, HTML. */
export function linksIn(text) {
  return prose(text).flatMap((content, at) => {
    const line = at + 1;
    const found = [
      ...content.matchAll(
        /\]\(\s*<?([^()\s<>]*(?:\([^()\s]*\)[^()\s<>]*)*)>?(?:\s+["'(][^)]*)?\s*\)/g,
      ),
      ...content.matchAll(/^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)/g),
      ...content.matchAll(/\b(?:href|src)=["']([^"']+)["']/g),
    ];
    return found.flatMap(([, link]) => (link ? [{ line, link }] : []));
  });
}

/** The anchors of a page: headings as GitHub names them, and explicit ids. */
export function anchorsIn(text) {
  const anchors = new Set();
  const seen = new Map();
  const lines = prose(text);
  for (const [at, content] of lines.entries()) {
    for (const [, id] of content.matchAll(/<\w+[^>]*\s(?:id|name)=["']([^"']+)["']/g)) {
      anchors.add(id);
    }
    const heading =
      /^ {0,3}#{1,6}\s+(.*?)\s*#*$/.exec(content)?.[1] ??
      (/^ {0,3}(?:=+|-+)\s*$/.test(lines[at + 1] ?? "") && /\w/.test(content)
        ? content
        : undefined);
    if (heading === undefined) continue;
    const slug = slugOf(heading);
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    anchors.add(times === 0 ? slug : `${slug}-${times}`);
  }
  return anchors;
}

function slugOf(heading) {
  return heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/<[^>]+>/g, "")
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-");
}

/** The lines, with code blocks, comments and inline code blanked out; headings keep their code. */
function prose(text) {
  let fence = null;
  let comment = false;
  return text.split("\n").map((line) => {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence !== null) {
      if (mark?.startsWith(fence)) fence = null;
      return "";
    }
    if (mark !== undefined) {
      fence = mark;
      return "";
    }
    let content = line;
    if (comment) {
      if (!content.includes("-->")) return "";
      content = content.slice(content.indexOf("-->") + 3);
      comment = false;
    }
    content = content.replace(/<!--.*?-->/g, "");
    if (content.includes("<!--")) {
      comment = true;
      content = content.slice(0, content.indexOf("<!--"));
    }
    return /^ {0,3}#/.test(content)
      ? content.replaceAll("`", "")
      : content.replace(/(`+).*?\1/g, "");
  });
}
