// Finds secrets in the tree: node scripts/gates/secrets.mjs [folder]. Exit 0 none, 1 found, 125 no
// git repository. A secret that is none, such as a test's, is marked on its line or the one before:
//   fiber-gates: allow-secret <why>
// or, where a format has no room for that, once for the whole file within its first five lines:
//   fiber-gates: allow-secrets-in-file <why>
// Secrets are never printed.
import { resolve } from "node:path";
import { looksRandom, PATTERNS, SECRET_FILES } from "./secret-patterns.mjs";
import { readText, report, treeFiles } from "./tree-files.mjs";

const MARK = /fiber-gates: allow-secret\s+\w.*\w/;
const FILE_MARK = /fiber-gates: allow-secrets-in-file\s+\w.*\w/;
const REMEDY = "take it out, and make a new one: what was committed once is known";

function secretsIn(text) {
  const lines = text.split("\n");
  if (lines.slice(0, 5).some((line) => FILE_MARK.test(line))) return [];
  return lines.flatMap((line, at) => {
    if (MARK.test(line) || MARK.test(lines[at - 1] ?? "")) return [];
    const kind = secretOn(line);
    return kind === undefined ? [] : [{ line: at + 1, problem: `${kind}: ${REMEDY}` }];
  });
}

/** The first kind of secret on a line; one finding a line is enough to go and look. */
function secretOn(line) {
  for (const { name, regex, probable } of PATTERNS) {
    for (const found of line.matchAll(regex)) {
      if (probable && !looksRandom(found[1] ?? found[0])) continue;
      return name;
    }
  }
  return undefined;
}

const root = resolve(process.argv[2] ?? ".");
const files = treeFiles(root);
const findings = files.flatMap((path) => {
  const kind = SECRET_FILES.find(({ regex }) => regex.test(path));
  if (kind !== undefined) return [{ path, problem: `${kind.name}: ${REMEDY}` }];
  // Checksums of packages look random and are public.
  if (/(?:^|\/)(?:package-lock\.json|yarn\.lock|pnpm-lock\.yaml)$/.test(path)) return [];
  return secretsIn(readText(root, path) ?? "").map((finding) => ({ path, ...finding }));
});
report(findings, `no secret in ${files.length} files`);
