import { writeDurably } from "../durable-files.js";
import { connectionEnv, type PgTools } from "../pg-tools.js";
import { refuseFailedTool, startTool } from "../run-tool.js";
import { ageEncrypter } from "./age-files.js";

/**
 * Writes roles and their settings, which a dump does not carry, as SQL (pg_dumpall
 * --globals-only). It holds password hashes: readable by its owner only, and encrypted when the
 * dump is.
 *
 * @throws FiberError GLOBALS_FAILED, DISK_FULL
 */
export async function dumpGlobals(request: {
  readonly tools: PgTools;
  readonly admin: string;
  readonly file: string;
  readonly recipient: string | null;
}): Promise<void> {
  const command = [request.tools.path("pg_dumpall"), "--globals-only", "--no-password"] as const;
  const tool = await startTool(command, { env: connectionEnv(request.admin) });
  tool.stdin.end();
  const chunks: Buffer[] = [];
  tool.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  refuseFailedTool(await tool.ended, "GLOBALS_FAILED", "The dump of roles");
  const sql = Buffer.concat(chunks);
  const content =
    request.recipient === null ? sql : await ageEncrypter(request.recipient).encrypt(sql);
  await writeDurably(request.file, content);
}
