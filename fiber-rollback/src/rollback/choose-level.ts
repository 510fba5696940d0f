import type { ReleaseRecord } from "../releases/release-record.js";
import { type DatabaseView, headOfApplied } from "./plan-facts.js";

/** How deep a rollback reaches: code alone, the schema too, or the data too. */
export type Level = "code" | "schema" | "data";

/** What the choice of a level depends on. */
interface LevelFacts {
  readonly target: Pick<ReleaseRecord, "tag" | "migrations" | "compatibleWith">;
  /** Null for a project without a database. */
  readonly data: DatabaseView | null;
  /** `--restore-data`. */
  readonly restoreData: boolean;
  /** `--allow-loss`. */
  readonly allowLoss: boolean;
  /** Nobody can be asked: a deploy that takes itself back. What would lose rows goes one level deeper. */
  readonly unattended: boolean;
}

/** The level with its reason, or why none can be had. */
type LevelChoice =
  | { readonly kind: "level"; readonly level: Level; readonly why: string }
  | { readonly kind: "refused"; readonly code: string; readonly why: string };

/** The least destructive level that brings the target back, and why it is that one. Pure. */
export function chooseLevel(facts: LevelFacts): LevelChoice {
  const { target, data, restoreData } = facts;
  if (data === null) {
    return restoreData
      ? refused(
          "NO_DATABASE",
          "The project has no database, so no data can be brought back. Leave --restore-data out: fiber rollback",
        )
      : level("code", "the project has no database");
  }
  if (restoreData) return dataLevel(facts, data, "--restore-data was given");
  if (data.damage !== null) return dataLevel(facts, data, `the data is damaged: ${data.damage}`);
  const head = headOfApplied(data.applied);
  const unfinished = data.applied.find((one) => one.status !== "applied");
  if (unfinished === undefined) {
    if (head === target.migrations.head) {
      return level("code", `the schema is the same in both releases (${head ?? "base"})`);
    }
    if (worksOn(target, data) && !(facts.unattended && canGoDown(facts, data))) {
      return level(
        "code",
        `${target.tag}'s smoke test passed on schema ${head}, so the schema can stay`,
      );
    }
  }
  return schemaLevel(facts, data);
}

/** Whether the target's smoke test passed on the very schema that the database has. */
function worksOn({ compatibleWith }: LevelFacts["target"], { applied }: DatabaseView): boolean {
  const last = applied.at(-1);
  return compatibleWith.some(
    ({ head, upSha256 }) =>
      head === last?.revision && (upSha256 === undefined || upSha256 === last?.upSha256),
  );
}

/**
 * Whether a failed deploy's migrations can be taken back without a loss. Then they are, although
 * the target could live with them: they failed, and the next attempt may write them anew.
 */
function canGoDown(facts: LevelFacts, data: DatabaseView): boolean {
  return (
    divergence(facts, data) === null &&
    data.wayDown.kind === "sound" &&
    (data.loss === null || data.loss.nothing)
  );
}

function schemaLevel(facts: LevelFacts, data: DatabaseView): LevelChoice {
  const { target, allowLoss, unattended } = facts;
  const head = headOfApplied(data.applied);
  const wanted = target.migrations.head;
  const apart = divergence(facts, data);
  if (apart !== null) {
    return refused(
      "SCHEMA_DIVERGED",
      `${apart} No way down leads to ${target.tag}'s schema. Bring its data back: fiber rollback ` +
        `--to ${target.tag} --restore-data, or deploy a release that knows this schema.`,
    );
  }
  if (data.wayDown.kind === "tampered") {
    if (unattended) return dataLevel(facts, data, data.wayDown.why);
    return refused(
      "MIGRATION_TAMPERED",
      `${data.wayDown.why} Or bring the data back without it: fiber rollback --to ${target.tag} --restore-data`,
    );
  }
  const steps = data.applied.filter((one) => one.revision > (wanted ?? "")).length;
  const why = `the database is at ${head}, ${target.tag} works with ${wanted ?? "the base"}`;
  const down = `${steps} migration${steps === 1 ? " is" : "s are"} taken back`;
  if (data.loss === null || data.loss.nothing) {
    return level("schema", `${why}; ${down}, and the way down drops no rows`);
  }
  const dropped = describeLoss(data);
  if (allowLoss) return level("schema", `${why}; ${down}, which drops ${dropped}: --allow-loss`);
  if (unattended && data.source !== null) {
    return dataLevel(facts, data, `the way down would drop ${dropped}, and nobody can be asked`);
  }
  const back = `fiber rollback --to ${target.tag}`;
  const whole =
    data.source === null
      ? ""
      : ` Or keep every row: ${back} --restore-data brings the data back beside and carries over what ` +
        "came since.";
  return refused(
    "LOSS_REFUSED",
    `Nothing was changed: ${why}, and the way down drops ${dropped}. Accept that with ${back} ` +
      `--allow-loss.${whole}`,
  );
}

function dataLevel({ target }: LevelFacts, data: DatabaseView, why: string): LevelChoice {
  if (data.source !== null) return level("data", why);
  return refused(
    "NO_RESTORE_SOURCE",
    `The data has to be brought back (${why}), and there is neither a restore point nor a dump that ` +
      `holds ${target.tag}'s data. See fiber backup list; a dump of any release is brought back with ` +
      "fiber restore FILE.",
  );
}

/** Why the database's history is not the target's with more on top; null when it is. */
function divergence({ target }: LevelFacts, data: DatabaseView): string | null {
  const applied = new Map(data.applied.map((one) => [one.revision, one]));
  for (const file of target.migrations.files) {
    const there = applied.get(file.revision);
    if (there === undefined) {
      return `The database is at ${headOfApplied(data.applied) ?? "the base"} and lacks ${target.tag}'s migration ${file.revision}.`;
    }
    if (there.upSha256 !== file.upSha256) {
      return `Migration ${file.revision} is not the one that ${target.tag} was released with.`;
    }
  }
  return null;
}

/** What a lossy way down drops, in words: "12 rows of audit, 3 rows of nodes.region". */
export function describeLoss({ loss }: Pick<DatabaseView, "loss">): string {
  const items = (loss?.items ?? []).filter((item) => item.rows !== 0 || item.estimated);
  return items
    .map(({ rows, estimated, what }) =>
      rows === null
        ? `what cannot be counted (${what})`
        : `${estimated ? "about " : ""}${rows.toLocaleString("en")} rows of ${what}`,
    )
    .join(", ");
}

const level = (level: Level, why: string): LevelChoice => ({ kind: "level", level, why });
const refused = (code: string, why: string): LevelChoice => ({ kind: "refused", code, why });
