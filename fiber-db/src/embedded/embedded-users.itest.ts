import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, cp, lstat, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import pg from "pg";
import { build } from "vite";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createLogger, mustRun, packageRoot } from "#runtime";
import { freePort } from "#testkit";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./start-embedded-postgres.js";

const log = createLogger({ role: "test", level: "silent" });
const isRoot = process.getuid?.() === 0;

// The package as npm leaves it when it may run no scripts: without its library links.
let folder: string;
let native: string;
let stateDir: string;
let states = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fiber-users-"));
  await chmod(folder, 0o755);
  native = join(folder, "package", "native");
  const ours = createRequire(import.meta.url);
  const theirs = createRequire(ours.resolve("embedded-postgres"));
  const entry = theirs.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const original = join(dirname(entry), "..");
  await cp(join(original, "native"), native, {
    recursive: true,
    filter: async (source) => !(await lstat(source)).isSymbolicLink(),
  });
  await cp(join(original, "package.json"), join(folder, "package", "package.json"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => {
  states += 1;
  stateDir = join(folder, `state-${states}`);
});

async function works(server: EmbeddedPostgres): Promise<void> {
  const client = new pg.Client({ connectionString: server.url("fiberstack") });
  await client.connect();
  await client.query("SELECT 1");
  await client.end();
}

it("makes the library links that npm was told not to make", async () => {
  const server = await startEmbeddedPostgres({ stateDir, port: await freePort(), log, native });
  try {
    await works(server);
    const copies = (await readdir(join(stateDir, "postgres"))).filter((name) =>
      name.startsWith("binaries-"),
    );
    expect(copies).toHaveLength(isRoot ? 1 : 0);
    const used = isRoot ? join(stateDir, "postgres", copies[0] ?? "") : native;
    expect((await lstat(join(used, "lib", "libpq.so.5"))).isSymbolicLink()).toBe(true);
  } finally {
    await server.stop();
  }
});

if (isRoot) {
  beforeAll(bundle);

  it("runs as root from a folder that only root may enter", async () => {
    await chmod(join(folder, "package"), 0o700);
    const server = await startEmbeddedPostgres({ stateDir, port: await freePort(), log, native });
    try {
      await works(server);
    } finally {
      await server.stop();
      await chmod(join(folder, "package"), 0o755);
    }
  });

  it("runs as an ordinary user, from a package that belongs to root", async () => {
    const nobody = Number(await mustRun(["id", "-u", "nobody"]));
    expect(await startAs(nobody)).toMatchObject({ owner: nobody, adopted: false });
    expect(await readdir(join(stateDir, "postgres"))).toContainEqual(
      expect.stringMatching(/^binaries-/),
    );
  });

  it("tells a user id without a name what it lacks", async () => {
    expect(await startAs(54_321)).toMatchObject({
      code: "POSTGRES_USER_UNUSABLE",
      message: expect.stringContaining("54321 has no entry in /etc/passwd"),
    });
  });
}

const SCRIPT = `
import { statSync } from "node:fs";
import { startEmbeddedPostgres } from "./bundle.mjs";
const quiet = () => {};
const log = { info: quiet, warn: quiet, error: quiet };
const [stateDir, port, native] = process.argv.slice(2);
try {
  const server = await startEmbeddedPostgres({ stateDir, port: Number(port), log, native });
  const owner = statSync("/proc/" + server.pid).uid;
  await server.stop();
  console.log(JSON.stringify({ owner, adopted: server.adopted }));
} catch ({ code, message }) {
  console.log(JSON.stringify({ code, message }));
}
`;

/** Our code in one file outside the clone, which others may not be able to read. */
async function bundle(): Promise<void> {
  await build({
    root: packageRoot,
    configFile: false,
    logLevel: "error",
    ssr: { noExternal: true, resolve: { conditions: ["source", "node"] } },
    build: {
      ssr: join(packageRoot, "fiber-db/src/embedded/start-embedded-postgres.ts"),
      outDir: folder,
      emptyOutDir: false,
      minify: false,
      rollupOptions: { output: { entryFileNames: "bundle.mjs" } },
    },
  });
  await writeFile(join(folder, "package.json"), '{"type":"module","version":"0.0.0"}');
  await writeFile(join(folder, "start.mjs"), SCRIPT);
}

/** Starts and stops a server in a process of another user. */
async function startAs(uid: number): Promise<unknown> {
  await mkdir(stateDir, { mode: 0o700 });
  await chown(stateDir, uid, uid);
  const child: ChildProcess = spawn(
    process.execPath,
    [join(folder, "start.mjs"), stateDir, String(await freePort()), native],
    { cwd: folder, uid, gid: uid, stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = once(child, "exit");
  const output = child.stdout === null ? "" : await text(child.stdout);
  await ended;
  return JSON.parse(output);
}
