import { execFileSync } from "node:child_process";
import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The exit code by which a gate says that it cannot judge. */
const CANNOT_JUDGE = 125;

/**
 * Files of the tree in `root`: those that git tracks and those that it would take, never ignored
 * ones. Paths are relative to `root`; links and submodules are left out.
 */
export function treeFiles(root) {
  let listed;
  try {
    listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (err) {
    console.error(`${root} is no git repository: ${String(err.stderr ?? err.message).trim()}`);
    process.exit(CANNOT_JUDGE);
  }
  const paths = [...new Set(listed.split("\0").filter(Boolean))];
  return paths.filter((path) => isFile(join(root, path))).sort();
}

/** A file's text, or null for a binary one. */
export function readText(root, path) {
  const bytes = readFileSync(join(root, path));
  return bytes.subarray(0, 8_000).includes(0) ? null : bytes.toString("utf8");
}

/** Prints what is wrong, one finding a line, and sets the exit code. */
export function report(findings, sound) {
  for (const { path, line, problem } of findings) {
    console.log(`${path}${line === undefined ? "" : `:${line}`}: ${problem}`);
  }
  if (findings.length === 0) console.log(sound);
  process.exitCode = findings.length === 0 ? 0 : 1;
}

function isFile(path) {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
