import type { StackStatus, StatePaths } from "#agent";
import { type BackupHealth, backupHealth } from "#rollback";
import { lockHolder } from "#runtime";
import { EXIT } from "../exit-codes.js";
import { selfName } from "../self-command.js";
import { locateStack, readStatus } from "../stack-access.js";
import { formatBytes, formatSeconds, formatTable, paint, printResult } from "../terminal.js";

/** Prints the stack's status; exit code 1 unless everything runs. */
export async function runStatus({ json = false }: { json?: boolean }): Promise<void> {
  const paths = await locateStack();
  const status = await readStatus(paths);
  if (status === null) {
    process.exitCode = EXIT.failed;
    const stopped = { phase: "stopped", state_folder: paths.stateDir, roles: [] };
    return printResult(json, stopped, () => describeStopped(paths));
  }
  const allRun = status.phase === "running" && status.roles.every((r) => r.state === "running");
  process.exitCode = allRun ? EXIT.done : EXIT.failed;
  const backups = await backupHealth(paths.stateDir);
  printResult(json, { ...status, backups }, () => describe(status, backups));
}

function describeStopped(paths: StatePaths): string {
  const holder = lockHolder(paths.lock);
  return holder === null
    ? `The stack is not running. Start it with \`${selfName()} up\`. State folder: ${paths.stateDir}`
    : `Process ${holder.pid} holds the stack since ${holder.since} but does not answer on ${paths.socket}.`;
}

function describe(status: StackStatus, backups: BackupHealth): string {
  const { database } = status;
  const upS = (Date.now() - Date.parse(status.since)) / 1000;
  const lines = [
    `Stack ${status.phase}, release ${status.release}, process ${status.pid}, up ${formatSeconds(upS)}`,
    "",
    formatTable(rows(status)),
    "",
    `Dashboard     ${status.urls.dashboard}`,
    `API           ${status.urls.api}`,
    `Database      ${database?.shown ?? "not started yet"}`,
    `State folder  ${status.state_folder}`,
    `Backups       ${describeBackups(backups)}`,
  ];
  if (database?.pgpass_file) {
    lines.push(
      "",
      "For psql, pg_dump and pg_restore:",
      `  export PGPASSFILE=${shellWord(database.pgpass_file)}`,
    );
    if (database.port !== 5432) lines.push(`  export PGPORT=${database.port}`);
  }
  return lines.join("\n");
}

function describeBackups({ light, newest, reasons }: BackupHealth): string {
  const age = newest === null ? "none yet" : `newest ${formatSeconds(newest.ageS)} old`;
  const word = light === "off" ? "not scheduled" : light;
  const colour = light === "green" ? "green" : light === "amber" ? "yellow" : "dim";
  return [`${paint(colour, word)}, ${age}`, ...(light === "amber" ? reasons : [])].join(
    "\n              ",
  );
}

function rows(status: StackStatus): string[][] {
  const roles = status.roles.map((role) => [
    role.name,
    paintState(role.state),
    role.pid === null ? "-" : String(role.pid),
    role.uptime_s === null ? "-" : formatSeconds(role.uptime_s),
    String(role.restarts),
    role.memory_bytes === null ? "-" : formatBytes(role.memory_bytes),
  ]);
  const { database } = status;
  const server =
    database?.pid == null
      ? []
      : [
          [
            "postgres",
            paintState("running"),
            String(database.pid),
            "-",
            String(database.restarts),
            "-",
          ],
        ];
  return [["ROLE", "STATE", "PID", "UPTIME", "RESTARTS", "MEMORY"], ...server, ...roles];
}

function paintState(state: string): string {
  const colour = state === "running" ? "green" : state === "stopped" ? "red" : "yellow";
  return paint(colour, state);
}

function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
