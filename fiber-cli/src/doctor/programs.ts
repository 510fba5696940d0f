import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { runCommand } from "#runtime";
import { blocking, type Finding, ok, warning } from "./finding.js";

/** The server's major version; its tools should be of this one or the next (field notes). */
const SERVER_MAJOR = 15;
const NEWEST_FITTING_TOOLS = 16;

type Environment = Readonly<Record<string, string | undefined>>;

/** Node's own version. */
export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const fits = major > 20 || (major === 20 && minor >= 19);
  return fits
    ? ok("node", version)
    : blocking("node", version, "install Node 20.19 or newer (https://nodejs.org)");
}

/** git: needed for releases and rollbacks, not for measuring. */
export async function checkGit(): Promise<Finding> {
  const version = await versionOf("git", ["--version"]);
  return version === null
    ? warning(
        "git",
        "not found",
        `without it nothing can be released or rolled back; ${install("git")}`,
      )
    : ok("git", version);
}

/** fping, or ping as its replacement: without both, icmp checks are "probe unable". */
export async function checkPing(): Promise<Finding[]> {
  const fping = await versionOf("fping", ["-v"]);
  const ping = await versionOf("ping", ["-V"]);
  return [
    fping === null
      ? warning(
          "fping",
          "not found",
          `icmp checks use ping, at ten times the cost; ${install("fping")}`,
        )
      : ok("fping", fping),
    ping === null
      ? warning(
          "ping",
          "not found",
          `${fping === null ? "icmp checks cannot run; " : ""}${install("iputils-ping")}`,
        )
      : ok("ping", ping),
  ];
}

/** pg_dump and pg_restore: the newest that still fits the server. */
export async function checkPostgresTools(env: Environment = process.env): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const program of ["pg_dump", "pg_restore"]) {
    findings.push(await checkPostgresTool(program, env));
  }
  return findings;
}

async function checkPostgresTool(program: string, env: Environment): Promise<Finding> {
  const remedy = `backups need it; ${install("postgresql-client")}`;
  let newest: { version: string; path: string; major: number } | null = null;
  for (const path of candidates(program, env)) {
    const version = await versionOf(path, ["--version"]);
    const major = Number(version?.split(".")[0]);
    if (version === null || !Number.isInteger(major)) continue;
    if (major >= SERVER_MAJOR && major <= NEWEST_FITTING_TOOLS) {
      return ok(program, `${version} (${path})`);
    }
    newest ??= { version, path, major };
  }
  if (newest === null) return warning(program, "not found", remedy);
  return warning(
    program,
    `${newest.version} (${newest.path})`,
    newest.major < SERVER_MAJOR
      ? `too old for a PostgreSQL ${SERVER_MAJOR} server; ${install("postgresql-client")}`
      : `newer than the PostgreSQL ${SERVER_MAJOR} server likes; install version 15 or 16, or set FIBER_PG_BIN`,
  );
}

/** FIBER_PG_BIN, then Debian's folders by version, then the path. */
function candidates(program: string, env: Environment): string[] {
  const chosen = env.FIBER_PG_BIN ? [join(env.FIBER_PG_BIN, program)] : [];
  const debian = "/usr/lib/postgresql";
  const versioned = existsSync(debian)
    ? readdirSync(debian).map((version) => join(debian, version, "bin", program))
    : [];
  const onPath = (env.PATH ?? "").split(delimiter).map((folder) => join(folder, program));
  return [...chosen, ...versioned, ...onPath].filter((path) => existsSync(path));
}

/** A program's version as it prints it, or null when it cannot be run. */
async function versionOf(program: string, args: readonly string[]): Promise<string | null> {
  const path = `${process.env.PATH ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`;
  const result = await runCommand([program, ...args], { timeoutMs: 5_000, env: { PATH: path } });
  if (result.startError !== null && result.exitCode === null) return null;
  return parseVersion(`${result.stdout}\n${result.stderr}`) ?? "of unknown version";
}

/** The first thing in a program's words that looks like a version. */
export function parseVersion(text: string): string | null {
  return /\b(\d+(?:\.\d+)+|\d{8})\b/.exec(text)?.[1] ?? null;
}

function install(debianPackage: string): string {
  return existsSync("/usr/bin/apt-get")
    ? `run: ${process.getuid?.() === 0 ? "" : "sudo "}apt-get install ${debianPackage}`
    : `install it (Debian's package is ${debianPackage})`;
}
