/** Images that a Dockerfile builds on or copies from, with its ARG defaults filled in. */
export function imagesOfDockerfile(text) {
  const defaults = new Map();
  const stages = new Set(["scratch"]);
  const found = [];
  const take = (image, line) => {
    const filled = fill(image, defaults);
    if (!stages.has(filled.toLowerCase()) && !/^\d+$/.test(filled))
      found.push({ image: filled, line });
  };
  for (const { content, line } of instructions(text)) {
    const arg = /^ARG\s+(\w+)=["']?([^\s"']*)/i.exec(content);
    if (arg) defaults.set(arg[1], arg[2]);
    const from = /^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(content);
    if (from) {
      take(from[1], line);
      if (from[2] !== undefined) stages.add(from[2].toLowerCase());
    }
    for (const [, image] of content.matchAll(/--from=(\S+)/gi)) take(image, line);
    for (const [, image] of content.matchAll(/--mount=\S*?\bfrom=([^,\s]+)/gi)) take(image, line);
  }
  return found;
}

/** Instructions with continued lines joined, comments left out. */
function instructions(text) {
  const joined = [];
  let open = null;
  for (const [at, raw] of text.split("\n").entries()) {
    if (/^\s*(?:#|$)/.test(raw)) continue;
    open ??= { content: "", line: at + 1 };
    open.content += raw.replace(/\\\s*$/, " ").trimStart();
    if (/\\\s*$/.test(raw)) continue;
    joined.push(open);
    open = null;
  }
  return open === null ? joined : [...joined, open];
}

function fill(text, defaults) {
  return text
    .replace(/\$\{(\w+):?-([^}]*)\}/g, (_, name, other) => defaults.get(name) ?? other)
    .replace(/\$\{?(\w+)\}?/g, (whole, name) => defaults.get(name) ?? whole);
}
