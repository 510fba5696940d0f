import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Db, ensureToken, makeTokenText } from "#db";
import type { StatePaths } from "./paths.js";

/** The operator's own token and one token a probe, by node id. */
export interface StackTokens {
  readonly admin: string;
  readonly probes: ReadonlyMap<string, string>;
}

/** Reads the tokens of this installation, making those that do not exist yet (mode 0600). */
export function loadTokens(paths: StatePaths, nodeIds: readonly string[]): StackTokens {
  return {
    admin: tokenFrom(paths.adminToken),
    probes: new Map(nodeIds.map((id) => [id, tokenFrom(join(paths.tokens, `${id}.token`))])),
  };
}

/**
 * Makes the database know these tokens, and returns the nodes whose token was new to it. It
 * forgets them when the schema is taken down to its base or an older dump is restored; a token
 * that was revoked stays revoked.
 */
export async function registerTokens(db: Db, tokens: StackTokens): Promise<readonly string[]> {
  await ensureToken(db, { token: tokens.admin, role: "admin", label: "fiber up: operator" });
  const made: string[] = [];
  for (const [nodeId, token] of tokens.probes) {
    const label = "fiber up: demo probe";
    if (await ensureToken(db, { token, role: "probe", nodeId, label })) made.push(nodeId);
  }
  return made;
}

function tokenFrom(path: string): string {
  if (existsSync(path)) return readFileSync(path, "utf8").trim();
  const token = makeTokenText();
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Written beside and renamed: a kill never leaves half a token.
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, `${token}\n`, { mode: 0o600 });
  renameSync(unfinished, path);
  return token;
}
