import { FiberError, nodeIdSchema, ROLES, type Role } from "#contracts";
import { issueToken, listTokens, revokeToken, type TokenRecord } from "#db";
import { confirm } from "../ask.js";
import { withDatabase } from "../stack-access.js";
import { formatTable, printResult } from "../terminal.js";

/** Issues a token and prints its text on stdout. */
export async function issue(options: {
  role: string;
  node?: string;
  label?: string;
  json?: boolean;
}): Promise<void> {
  const { node, label, json = false } = options;
  const role = parseRole(options.role);
  if ((role === "probe") !== (node !== undefined)) {
    throw new FiberError(
      "USAGE",
      role === "probe"
        ? "A probe's token is for one node: add --node <id>."
        : `--node is for probes' tokens only, not for role ${role}.`,
    );
  }
  if (node !== undefined && !nodeIdSchema.safeParse(node).success) {
    throw new FiberError("USAGE", `"${node}" is no node id: 1 to 64 of A-Z a-z 0-9 . _ -`);
  }
  const issued = await withDatabase((db) =>
    issueToken(db, {
      role,
      label: label ?? "fiber token issue",
      ...(node === undefined ? {} : { nodeId: node }),
    }),
  );
  const result = { token: issued.token, token_id: issued.tokenId, role, node_id: node ?? null };
  printResult(json, result, () => issued.token);
}

/** Lists all tokens. */
export async function list({ json = false }: { json?: boolean }): Promise<void> {
  const tokens = await withDatabase((db) => listTokens(db));
  printResult(json, tokens.map(viewOf), () =>
    tokens.length === 0
      ? "No tokens."
      : formatTable([
          ["ID", "ROLE", "NODE", "CREATED", "REVOKED", "LABEL"],
          ...tokens.map((token) => [
            token.tokenId,
            token.role,
            token.nodeId ?? "-",
            token.createdAt.toISOString(),
            token.revokedAt?.toISOString() ?? "-",
            token.label,
          ]),
        ]),
  );
}

/** Revokes a token after asking. */
export async function revoke(
  id: string,
  options: { dryRun?: boolean; yes?: boolean; json?: boolean },
): Promise<void> {
  const { dryRun = false, yes = false, json = false } = options;
  await withDatabase(async (db) => {
    const token = (await listTokens(db)).find(({ tokenId }) => tokenId === id.toLowerCase());
    if (token === undefined) {
      throw new FiberError("TOKEN_NOT_FOUND", `No token ${id}. \`fiber token list\` shows all.`);
    }
    const named = `the ${token.role} token "${token.label}"${token.nodeId ? ` of ${token.nodeId}` : ""}`;
    if (token.revokedAt !== null) {
      return printResult(json, viewOf(token), () => `Already revoked: ${named}`);
    }
    if (dryRun) return printResult(json, viewOf(token), () => `To revoke: ${named}`);
    await confirm(`Revoke ${named}? Whoever uses it is refused at once.`, yes);
    await revokeToken(db, token.tokenId);
    const revoked = { ...token, revokedAt: new Date() };
    printResult(json, viewOf(revoked), () => `Revoked ${named}`);
  });
}

function parseRole(text: string): Role {
  const role = ROLES.find((known) => known === text);
  if (role === undefined) throw new FiberError("USAGE", `No role "${text}".`);
  return role;
}

function viewOf(token: TokenRecord) {
  return {
    token_id: token.tokenId,
    role: token.role,
    node_id: token.nodeId,
    label: token.label,
    created_at: token.createdAt.toISOString(),
    revoked_at: token.revokedAt?.toISOString() ?? null,
  };
}
