import type { ReleaseRecord } from "./release-record.js";

/** Whether a release was seen to work on a schema: its own head, or one that its smoke test passed. */
export function worksOn(record: ReleaseRecord, head: string | null): boolean {
  return (
    record.migrations.head === head || record.compatibleWith.some((proof) => proof.head === head)
  );
}

/** A record with the proof that the release's smoke test passed on a newer schema. */
export function withCompatible(
  record: ReleaseRecord,
  proof: ReleaseRecord["compatibleWith"][number],
): ReleaseRecord {
  const others = record.compatibleWith.filter(({ head }) => head !== proof.head);
  const compatibleWith = [...others, proof].sort((a, b) => (a.head < b.head ? -1 : 1));
  return { ...record, compatibleWith };
}
