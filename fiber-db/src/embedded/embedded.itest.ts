import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createLogger, packageRoot, portHolder } from "#runtime";
import { freePort, type ScratchPostgres, startScratchPostgres } from "#testkit";
import { embeddedDatabaseUrl } from "./embedded-url.js";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
  stopEmbeddedPostgres,
} from "./start-embedded-postgres.js";

const log = createLogger({ role: "test", level: "silent" });
const isRoot = process.getuid?.() === 0;

let scratch: ScratchPostgres;
let server: EmbeddedPostgres & { readonly stateDir: string };
let children: ChildProcess[];
beforeAll(async () => {
  scratch = await startScratchPostgres();
});
afterAll(() => scratch.remove());
beforeEach(async () => {
  children = [];
  const { stateDir, port } = scratch;
  server = { ...(await startEmbeddedPostgres({ stateDir, port, log })), stateDir };
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
});

const again = (port = server.port) =>
  startEmbeddedPostgres({ stateDir: server.stateDir, port, log });
/** Commits a table to be found again. */
const keep = () => ask("DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 7 AS x");
const kept = (url = server.url("fiberstack")) => ask("SELECT x FROM kept", url);
const data = () => join(server.stateDir, "postgres", "data");

async function ask<Row extends object>(
  sql: string,
  url = server.url("fiberstack"),
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows as Row[];
  } finally {
    await client.end();
  }
}

async function killServer(): Promise<void> {
  process.kill(server.pid, "SIGKILL");
  for (let tries = 0; server.isAlive(); tries += 1) {
    if (tries === 600) throw new Error(`process ${server.pid} is still there`);
    await sleep(50);
  }
}

describe("a started server", () => {
  it("is durable, listens on loopback only, and asks for the password", async () => {
    const settings = await ask<{ name: string; setting: string }>(
      `SELECT name, setting FROM pg_settings
       WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses',
                      'unix_socket_directories', 'data_checksums', 'server_encoding', 'TimeZone')`,
    );
    expect(Object.fromEntries(settings.map((row) => [row.name, row.setting]))).toEqual({
      fsync: "on",
      synchronous_commit: "on",
      full_page_writes: "on",
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      data_checksums: "on",
      server_encoding: "UTF8",
      TimeZone: "UTC",
    });
    const wrong = server.url("fiberstack").replace(/:[^:@]+@/, ":wrong@");
    await expect(ask("SELECT 1", wrong)).rejects.toMatchObject({ code: "28P01" });
  });

  it("keeps its password in a file for PGPASSFILE that nobody else may read", async () => {
    const { mode } = await stat(server.pgpassFile);
    expect(mode & 0o777).toBe(0o600);
    const text = await readFile(server.pgpassFile, "utf8");
    expect(text).toMatch(/^localhost:\*:\*:postgres:\S+\n127\.0\.0\.1:\*:\*:postgres:\S+\n$/);
    const url = await embeddedDatabaseUrl({ stateDir: server.stateDir, database: "fiberstack" });
    expect(url).toBe(server.url("fiberstack"));
  });

  it("has a process group of its own, so that Ctrl-C does not reach it", async () => {
    const group = async (pid: number) =>
      (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /, "").split(" ")[2];
    expect(await group(server.pid)).not.toBe(await group(process.pid));
  });

  it("takes settings", async () => {
    const port = await freePort();
    await server.stop();
    const settings = { work_mem: "3MB", log_line_prefix: "it's %p " };
    await startEmbeddedPostgres({ stateDir: server.stateDir, port, log, settings });
    const url = await embeddedDatabaseUrl({ stateDir: server.stateDir, database: "postgres" });
    expect(await ask("SHOW work_mem", url)).toEqual([{ work_mem: "3MB" }]);
    expect(await ask("SHOW log_line_prefix", url)).toEqual([{ log_line_prefix: "it's %p " }]);
  });

  it("stops fast although sessions are open", async () => {
    const client = new pg.Client({ connectionString: server.url("fiberstack") });
    client.on("error", () => {});
    await client.connect();
    const ended = new Promise<void>((resolve) => client.once("end", () => resolve()));
    await client.query("BEGIN");
    await server.stop();
    await ended;
    expect(server.isAlive()).toBe(false);
    expect(await readdir(data())).not.toContain("postmaster.pid");
    await server.stop();
  });
});

describe("a server that was left over", () => {
  /** Starts the server in a Node of its own, and kills that with SIGKILL. */
  async function killSupervisor(): Promise<void> {
    await server.stop();
    const script = `
      import { startEmbeddedPostgres } from "#db";
      import { createLogger } from "#runtime";
      const log = createLogger({ role: "child", level: "silent" });
      await startEmbeddedPostgres({ stateDir: process.argv[1], port: Number(process.argv[2]), log });
      process.send("up");
      setInterval(() => {}, 1000);`;
    const child = spawn(
      process.execPath,
      [
        ...["--import", "tsx", "--conditions=source", "--input-type=module", "-e", script],
        ...[server.stateDir, String(server.port)],
      ],
      { cwd: packageRoot, stdio: ["ignore", "ignore", "inherit", "ipc"] },
    );
    children.push(child);
    await once(child, "message");
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  it("is adopted on the same port, with its data", async () => {
    await killSupervisor();
    const holder = await portHolder(server.port);
    await keep();
    const adopted = await again();
    expect(adopted).toMatchObject({ adopted: true, pid: holder?.pid });
    expect(adopted.systemIdentifier).toBe(server.systemIdentifier);
    expect(await kept(adopted.url("fiberstack"))).toEqual([{ x: 7 }]);
    await adopted.stop();
    expect(adopted.isAlive()).toBe(false);
  });

  it("is stopped first when another port is wanted", async () => {
    await keep();
    const port = await freePort();
    const moved = await again(port);
    expect(moved).toMatchObject({ adopted: false, port });
    expect(server.isAlive()).toBe(false);
    expect(await kept(moved.url("fiberstack"))).toEqual([{ x: 7 }]);
  });

  it("can be stopped without starting anything", async () => {
    const where = { stateDir: server.stateDir, log };
    expect(await stopEmbeddedPostgres(where)).toBe(true);
    expect(server.isAlive()).toBe(false);
    expect(await stopEmbeddedPostgres(where)).toBe(false);
    expect(await stopEmbeddedPostgres({ stateDir: join(server.stateDir, "none"), log })).toBe(
      false,
    );
  });
});

describe("a start after damage", () => {
  it("recovers what was committed before the server was killed", async () => {
    await keep();
    await killServer();
    const started = await again();
    expect(started.adopted).toBe(false);
    expect(await kept()).toEqual([{ x: 7 }]);
  });

  it("is not misled by a pid file whose number belongs to somebody else now", async () => {
    await killServer();
    const path = join(data(), "postmaster.pid");
    const lines = (await readFile(path, "utf8")).split("\n");
    await writeFile(path, [String(process.pid), ...lines.slice(1)].join("\n"));
    const started = await again();
    expect(started.adopted).toBe(false);
    expect(started.pid).not.toBe(process.pid);
  });

  it("gives a new password when the file with the old one is gone", async () => {
    await keep();
    await rm(server.pgpassFile);
    const started = await again();
    expect(started.url("x")).not.toBe(server.url("x"));
    expect(await kept(started.url("fiberstack"))).toEqual([{ x: 7 }]);
    await expect(ask("SELECT 1")).rejects.toMatchObject({ code: "28P01" });
  });

  it("does not take what a killed initdb left for a cluster", async () => {
    await server.stop();
    await rename(data(), `${data()}.aside`);
    const gone = spawn("true");
    await once(gone, "exit");
    const left = join(server.stateDir, "postgres", `data.initdb-${gone.pid}`);
    await mkdir(left);
    await writeFile(join(left, "PG_VERSION"), "15\n");
    const started = await again();
    await started.stop();
    await rm(data(), { recursive: true });
    await rename(`${data()}.aside`, data());
    expect(started.systemIdentifier).not.toBe(server.systemIdentifier);
    expect(await readdir(join(server.stateDir, "postgres"))).not.toContain(
      `data.initdb-${gone.pid}`,
    );
  });

  it("refuses another major version's data and leaves it alone", async () => {
    await server.stop();
    await writeFile(join(data(), "PG_VERSION"), "14\n");
    await expect(again()).rejects.toMatchObject({
      code: "DATABASE_VERSION",
      message: expect.stringContaining("was made by PostgreSQL 14"),
    });
    expect(await readFile(join(data(), "PG_VERSION"), "utf8")).toBe("14\n");
    await writeFile(join(data(), "PG_VERSION"), "15\n");
  });

  it("says what the server said when it does not start", async () => {
    await server.stop();
    await expect(
      startEmbeddedPostgres({
        stateDir: server.stateDir,
        port: server.port,
        log,
        settings: { shared_buffers: "no number" },
      }),
    ).rejects.toMatchObject({
      code: "POSTGRES_START_FAILED",
      message: expect.stringContaining("shared_buffers"),
    });
  });
});

it("names who holds the port, and what to set", async () => {
  await server.stop();
  const stranger = createServer();
  stranger.listen(0, "127.0.0.1");
  await once(stranger, "listening");
  const { port } = stranger.address() as AddressInfo;
  try {
    await expect(again(port)).rejects.toMatchObject({
      code: "PORT_TAKEN",
      message: expect.stringMatching(
        new RegExp(`Port ${port}.*process ${process.pid} \\(.*node.*FIBER_PG_PORT`),
      ),
    });
    expect(await readdir(data())).not.toContain("postmaster.pid");
  } finally {
    stranger.close();
  }
});

it("does not talk to a stranger's server", async () => {
  const other = await startScratchPostgres();
  try {
    await server.stop();
    await expect(again(other.port)).rejects.toMatchObject({ code: "PORT_TAKEN" });
    expect(other.isAlive()).toBe(true);
  } finally {
    await other.remove();
  }
});

if (isRoot) {
  it("does not run as root, and names a folder it may not pass through", async () => {
    const { uid } = await stat(`/proc/${server.pid}`);
    expect(uid).not.toBe(0);
    const closed = join(server.stateDir, "closed");
    await mkdir(closed, { mode: 0o700 });
    const stateDir = join(closed, "state");
    await expect(
      startEmbeddedPostgres({ stateDir, port: await freePort(), log }),
    ).rejects.toMatchObject({
      code: "STATE_FOLDER_UNUSABLE",
      message: expect.stringContaining(`chmod o+x ${closed},`),
    });
  });
}
