import { appliedMigrations, holdMigrations, loadMigrations, type Session } from "#db";
import type { RestoreContext } from "./restore-context.js";

/**
 * A restored schema that is behind this release stays where it is: a start that upgraded it would
 * run the very migration again that the restore takes back.
 */
export async function holdRestoredSchema(
  { plan }: RestoreContext,
  restored: Session,
): Promise<void> {
  const head = (await appliedMigrations(restored)).at(-1)?.revision ?? null;
  const newest = (await loadMigrations()).at(-1)?.revision ?? null;
  if (newest === null || (head ?? "") >= newest) return;
  await holdMigrations(restored, { revision: head, reason: `fiber restore ${plan.id}` });
}
