import { FiberError, type Role } from "#contracts";
import type { Db } from "../pool.js";
import { hashToken, makeTokenText } from "./token-text.js";

/** Whom a token is for. */
export interface TokenRequest {
  readonly role: Role;
  /** The one node a probe's token is for; only and always with the role `probe`. */
  readonly nodeId?: string;
  /** For people: where the token is used. */
  readonly label: string;
}

/**
 * Issues a bearer token and returns its text, which is stored nowhere: only its SHA-256 is.
 *
 * @throws FiberError BAD_REQUEST when role and node do not go together
 */
export async function issueToken(
  db: Db,
  request: TokenRequest,
): Promise<{ readonly token: string; readonly tokenId: string }> {
  if ((request.role === "probe") !== (request.nodeId !== undefined)) {
    throw new FiberError(
      "BAD_REQUEST",
      `A token of role ${request.role} ${request.nodeId === undefined ? "needs" : "takes no"} node`,
    );
  }
  const token = makeTokenText();
  const { rows } = await db.query<{ token_id: string }>(
    `INSERT INTO access_tokens (role, node_id, hash, label) VALUES ($1, $2, $3, $4)
     RETURNING token_id`,
    [request.role, request.nodeId ?? null, hashToken(token), request.label],
  );
  return { token, tokenId: rows[0]?.token_id ?? "" };
}
