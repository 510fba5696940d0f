import { FiberError } from "#contracts";
import type { ReleaseRecord } from "./release-record.js";

/**
 * Refuses migrations that were edited after a good or running release had shipped them: its
 * database would not be the one that the new release expects. Migrations of releases that were
 * found bad may be written anew.
 *
 * @throws FiberError MIGRATION_EDITED naming the file and the release
 */
export function refuseEditedMigrations(
  next: Pick<ReleaseRecord, "tag" | "migrations">,
  released: readonly ReleaseRecord[],
): void {
  for (const before of released) {
    if (before.tag === next.tag || !["good", "live"].includes(before.status)) continue;
    for (const file of before.migrations.files) {
      const now = next.migrations.files.find(({ revision }) => revision === file.revision);
      const what =
        now === undefined
          ? "is missing"
          : now.upSha256 !== file.upSha256
            ? "has another way up"
            : now.downSha256 !== file.downSha256
              ? "has another way down"
              : null;
      if (what === null) continue;
      // An older branch may lack what a newer release added.
      if (now === undefined && (next.migrations.head ?? "") < file.revision) continue;
      throw new FiberError(
        "MIGRATION_EDITED",
        `Migration ${file.name} ${what} in ${next.tag}, unlike in release ${before.tag}, which is ` +
          `${before.status}. Put the file back (git checkout ${before.tag} -- <its folder>) and ` +
          "write a new migration for the change.",
      );
    }
  }
}
