import { RELEASE_FORMAT, type ReleaseRecord } from "./release-record.js";

/** A complete record for tests: a built candidate, but for what is given. */
export function testRecord(tag: string, given: Partial<ReleaseRecord> = {}): ReleaseRecord {
  return {
    format: RELEASE_FORMAT,
    tag,
    signature: { status: "good", signer: "ops@example.net" },
    commit: "a".repeat(40),
    artefact: { kind: "folder", ref: `/releases/${tag}/tree`, digest: `of ${tag}`, sizeBytes: 1 },
    migrations: { head: null, files: [] },
    compatibleWith: [],
    backups: [],
    baseline: null,
    status: "candidate",
    createdAt: "2026-01-01T00:00:00.000Z",
    liveAt: null,
    judgedAt: null,
    why: null,
    ...given,
  };
}

/** A migration file in our format. */
export function migrationText(up: string, down: string): string {
  return `-- kind: reversible: for a test\n-- up\n${up};\n-- down\n${down};\n`;
}
