// Follows the links of every Markdown file of the tree: node scripts/gates/links.mjs [folder].
// Relative links must lead to a file or folder of the tree, anchors to a heading. Links to other
// sites are not followed: a gate must not fail because somebody else's server is away.
import { dirname, join, normalize, resolve } from "node:path";
import { anchorsIn, linksIn } from "./markdown-links.mjs";
import { readText, report, treeFiles } from "./tree-files.mjs";

const root = resolve(process.argv[2] ?? ".");
const files = treeFiles(root);
const known = new Set(files);
for (const path of files) {
  for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) known.add(folder);
}
known.add(".");
const pages = files.filter((path) => path.endsWith(".md"));
const anchors = new Map();

function anchorsOf(page) {
  if (!anchors.has(page)) anchors.set(page, anchorsIn(readText(root, page) ?? ""));
  return anchors.get(page);
}

function problemOf(page, link) {
  if (/^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(link)) return undefined;
  const [path = "", anchor] = link.split("#", 2);
  if (path.startsWith("/")) return `${link} is absolute: write it relative to this page`;
  let target;
  try {
    target = path === "" ? page : normalize(join(dirname(page), decodeURIComponent(path)));
  } catch {
    return `${link} is no valid address`;
  }
  target = target.replace(/\/$/, "");
  if (!known.has(target)) return `${link} leads nowhere: there is no ${target}`;
  if (!anchor || !target.endsWith(".md")) return undefined;
  return anchorsOf(target).has(decodeURIComponent(anchor))
    ? undefined
    : `${link} leads nowhere: ${target} has no heading for #${anchor}`;
}

let count = 0;
const findings = pages.flatMap((path) =>
  linksIn(readText(root, path) ?? "").flatMap(({ line, link }) => {
    count += 1;
    const problem = problemOf(path, link);
    return problem === undefined ? [] : [{ path, line, problem }];
  }),
);
report(findings, `${count} links of ${pages.length} pages lead somewhere`);
