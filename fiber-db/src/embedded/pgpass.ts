import { randomBytes } from "node:crypto";
import { chmod, readFile, rename, writeFile } from "node:fs/promises";

const HOSTS = ["localhost", "127.0.0.1"] as const;

/**
 * The password of user `postgres` from a file in the format that PGPASSFILE takes, made at random
 * when the file does not exist. The file is readable by its owner only, as libpq demands.
 */
export async function ensurePassword(file: string): Promise<{ password: string; made: boolean }> {
  const known = await readPassword(file);
  if (known !== null) {
    await chmod(file, 0o600);
    return { password: known, made: false };
  }
  const password = randomBytes(24).toString("base64url");
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, pgpassText(password), { mode: 0o600 });
  await rename(unfinished, file);
  return { password, made: true };
}

/** The password in a pgpass file, or null when there is no such file or line. */
export async function readPassword(file: string): Promise<string | null> {
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return "";
    throw cause;
  });
  return parsePgpass(text);
}

/** The file's text: any port and database on this machine, for user `postgres`. */
export function pgpassText(password: string): string {
  return HOSTS.map((host) => `${host}:*:*:postgres:${password}\n`).join("");
}

/** The password of the first line for user `postgres` on this machine; null when there is none. */
export function parsePgpass(text: string): string | null {
  const line = /^(?:localhost|127\.0\.0\.1):[^:\n]*:[^:\n]*:postgres:([A-Za-z0-9_-]+)$/m.exec(text);
  return line?.[1] ?? null;
}
