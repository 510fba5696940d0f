import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { runStep } from "./run-step.mjs";

/** Programs that tests run, with the Debian and Ubuntu package of each. */
const TOOLS = [
  { program: "git", debian: "git", ubuntu: "git" },
  { program: "ssh-keygen", debian: "openssh-client", ubuntu: "openssh-client" },
  { program: "openssl", debian: "openssl", ubuntu: "openssl" },
  { program: "curl", debian: "curl", ubuntu: "curl" },
  { program: "jq", debian: "jq", ubuntu: "jq" },
  { program: "ping", debian: "iputils-ping", ubuntu: "iputils-ping" },
  { program: "fping", debian: "fping", ubuntu: "fping" },
  { program: "psql", debian: "postgresql-client", ubuntu: "postgresql-client" },
  { program: "nats-server", debian: "nats-server", ubuntu: "nats-server" },
  { program: "pg_dump", debian: "postgresql-client", ubuntu: "postgresql-client" },
  { program: "chromium", debian: "chromium", ubuntu: "chromium-browser" },
];

/**
 * Sees to the programs that tests need. On Debian and Ubuntu, as root or with passwordless sudo,
 * it installs what is missing; elsewhere it prints the command. What is still missing is skipped
 * loudly by its tests, or refused here where skips are forbidden (FIBER_FORBID_SKIPS=1).
 */
export async function provideTools(say) {
  let missing = missingTools();
  if (missing.length === 0) return;
  const distribution = distributionId();
  const packages = (id) => [...new Set(missing.map((tool) => tool[id]))].join(" ");
  const names = () => missing.map((tool) => tool.program).join(", ");
  const prefix = distribution === null ? null : rootPrefix();
  if (distribution !== null && prefix !== null) {
    say(`tests need ${names()}: installing ${packages(distribution)}`);
    await install(prefix, packages(distribution).split(" "), say);
    missing = missingTools();
    if (missing.length === 0) return;
  }
  const how =
    distribution === null
      ? `install them with your system's package manager (on Debian: apt-get install ${packages("debian")})`
      : `run: sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages(distribution)}`;
  const message = `missing for tests: ${names()}; ${how}`;
  if (process.env.FIBER_FORBID_SKIPS === "1") throw new Error(message);
  say(`!!! ${message}`);
  say("!!! the tests that need them will be skipped");
}

function missingTools() {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  const present = (program) => folders.some((folder) => isExecutable(join(folder, program)));
  return TOOLS.filter(({ program }) => !present(program));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** "debian", "ubuntu" (or a relative of one), else null. */
function distributionId() {
  if (!existsSync("/etc/os-release") || !existsSync("/usr/bin/apt-get")) return null;
  const text = readFileSync("/etc/os-release", "utf8");
  const ids = [...text.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].flatMap(([, value]) =>
    value.split(" "),
  );
  return ["ubuntu", "debian"].find((id) => ids.includes(id)) ?? null;
}

/** How to run a command as root: nothing for root, sudo without a password, or null. */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  const sudo = spawnSync("sudo", ["-n", "true"], { stdio: "ignore" });
  return sudo.status === 0 ? ["sudo", "-n"] : null;
}

async function install(prefix, packages, say) {
  const apt = (...args) => {
    const [program, ...rest] = [...prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    return runStep(program, [...rest, "-qq", "-y", ...args], {});
  };
  if ((await apt("update")).status !== 0)
    say("apt-get update failed; trying with the package lists that are here");
  const installed = await apt("install", "--no-install-recommends", ...packages);
  if (installed.status !== 0) {
    say("apt-get install failed; its messages are above");
  }
}
