import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ROLES, type Role } from "#contracts";
import { type Db, tokenKey, tokenRoles } from "#db";

const fileSchema = z.object({ format: z.literal(1), roles: z.record(z.string(), z.enum(ROLES)) });

/** The roles of tokens as the database had them last, for times when nobody can ask it. */
export interface TokenMemory {
  /** The role of a token; null when it was not known, or was revoked, at the last look. */
  roleOf(token: string): Role | null;
  /** Learns what the database says now. @throws the driver's error; the memory stays as it was */
  refresh(db: Db): Promise<void>;
}

/**
 * Opens `<state>/token-roles.json` (0600), which holds SHA-256 sums and roles, never a token. A
 * token that is revoked while the database is away still reads here until it is back.
 */
export function openTokenMemory(stateDir: string): TokenMemory {
  const path = join(stateDir, "token-roles.json");
  let roles = readRoles(path);
  return {
    roleOf: (token) => roles.get(tokenKey(token) ?? "") ?? null,
    async refresh(db) {
      const now = await tokenRoles(db);
      const text = textOf(now);
      if (text === textOf(roles)) return;
      // Written beside and renamed: a kill never leaves half a memory.
      writeFileSync(`${path}.${process.pid}`, text, { mode: 0o600 });
      renameSync(`${path}.${process.pid}`, path);
      roles = now;
    },
  };
}

function textOf(roles: ReadonlyMap<string, Role>): string {
  return `${JSON.stringify({ format: 1, roles: Object.fromEntries(roles) })}\n`;
}

/** A file that is missing or damaged is an empty memory: the database fills it within seconds. */
function readRoles(path: string): ReadonlyMap<string, Role> {
  try {
    return new Map(Object.entries(fileSchema.parse(JSON.parse(readFileSync(path, "utf8"))).roles));
  } catch {
    return new Map();
  }
}
