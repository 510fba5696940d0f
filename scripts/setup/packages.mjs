import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runStep } from "./run-step.mjs";

const stampPath = (root) => join(root, "node_modules", ".fiber-stamp");

/** What the installed packages depend on: the lockfile, Node's version and the platform. */
function stamp(root) {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .update(`${process.version} ${process.platform} ${process.arch}`)
    .digest("hex");
}

/** Whether node_modules was installed from this lockfile by this Node on this platform. */
export function packagesAreFresh(root) {
  const path = stampPath(root);
  return existsSync(path) && readFileSync(path, "utf8") === stamp(root);
}

/** Installs exactly what the lockfile says, development packages included. */
export async function installPackages(root, say) {
  say("installing packages (npm ci); the first time this takes a minute");
  const started = Date.now();
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = process.env.npm_execpath;
  const [program, first] = npm?.endsWith(".js") ? [process.execPath, [npm]] : ["npm", []];
  const options = { cwd: root, env: cleanEnv(), quiet: true };
  const result = await runStep(program, [...first, ...args], options);
  if (result.status !== 0) throw new Error(whyInstallFailed(result));
  writeFileSync(stampPath(root), stamp(root));
  say(`packages installed in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** The environment without settings that would leave development packages out. */
function cleanEnv() {
  const unwanted = /^(NODE_ENV|npm_config_(omit|only|production|include|dev|dry_run|global))$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !unwanted.test(name)));
}

function whyInstallFailed(result) {
  if (result.error?.code === "ENOENT") return "npm was not found; install npm beside Node.";
  const output = result.stderr.trim();
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH/.test(output)) {
    return "the packages could not be fetched because the registry cannot be reached: connect this machine to the network and run this again.";
  }
  const tail = output.split("\n").slice(-15).join("\n");
  return `npm ci ended with ${result.status ?? result.signal}.\n${tail}`;
}
