import type { RunPlan } from "../engine/run-plan.js";
import { assemblePlan } from "../rollback/assemble-plan.js";
import {
  type AppliedView,
  headOfApplied,
  type PlanHead,
  type Planned,
  type ReleaseView,
  type RunningView,
} from "../rollback/plan-facts.js";
import { NO_LOSS } from "../rollback/plan-loss.js";
import { deployStepIds } from "../rollback/plan-steps.js";

/** The database before a deploy. */
export interface DeployDatabaseView {
  readonly database: string;
  readonly oid: number;
  readonly sizeBytes: number;
  readonly applied: readonly AppliedView[];
  /** What is wrong with the schema as it is, in words; null when nothing is. */
  readonly problem: string | null;
  /** Whether a point of the WAL archive could be reached from a base backup; else a dump is taken. */
  readonly canRecover: boolean;
}

/** Everything that a deploy is planned from; gathered read-only. */
export interface DeployFacts {
  readonly head: PlanHead;
  readonly release: ReleaseView;
  readonly running: RunningView;
  /** Null for a project without a database. */
  readonly data: DeployDatabaseView | null;
  /** Whether the gates have passed on this commit already. */
  readonly gatesPassed: boolean;
  /** `--skip-gates REASON`. */
  readonly skipGates: string | null;
  /** `--allow-unsigned REASON`. */
  readonly allowUnsigned: string | null;
  /** `--allow-loss`: a migration may remove rows and values. */
  readonly allowLoss: boolean;
  /** Files that are changed and not committed in the clone; first few. */
  readonly dirty: readonly string[];
  readonly build: readonly string[];
  readonly migrations: string | null;
  readonly backup: boolean;
}

/** A migration that a deploy applies. */
type Pending = ReleaseView["record"]["migrations"]["files"][number];

/** Plans a deploy. Pure. */
export function planDeploy(facts: DeployFacts): Planned<RunPlan> {
  const refusal = refuseRelease(facts) ?? refuseSchema(facts);
  if (refusal !== null) return refusal;
  return { kind: "planned", plan: makePlan(facts) };
}

type Refusal = Extract<Planned<RunPlan>, { kind: "refused" }>;

function refuseRelease(facts: DeployFacts): Refusal | null {
  const { release, running, dirty, allowUnsigned } = facts;
  const { tag, signature } = release.record;
  // One that runs and was found bad may be measured again.
  if (running.release === tag && running.artefact && running.record?.status !== "bad") {
    return refused("NOTHING_TO_DEPLOY", `${tag} runs already. See: fiber release show ${tag}`);
  }
  if (dirty.length > 0) {
    return refused(
      "TREE_DIRTY",
      `The clone has uncommitted changes (${dirty.join(", ")}). They would not be released: commit or ` +
        "stash them, then run this again.",
    );
  }
  if (signature.status === "bad") {
    return refused(
      "TAG_NOT_VERIFIED",
      `The signature of ${tag} is bad${signature.signer === null ? "" : ` (it names ${signature.signer})`}: ` +
        "the tag is not what was signed. Find out who made it; nothing was changed.",
    );
  }
  if (signature.status !== "good" && allowUnsigned === null) {
    const why =
      signature.status === "unsigned"
        ? `${tag} is not signed`
        : `${tag} is signed with a key that this machine does not know`;
    return refused(
      "TAG_NOT_VERIFIED",
      `${why}. Sign it (fiber release tag), trust its key, or go on with --allow-unsigned REASON, which ` +
        "is journaled.",
    );
  }
  return null;
}

function refuseSchema({ release, data }: DeployFacts): Refusal | null {
  if (data === null) return null;
  const { tag, migrations } = release.record;
  if (data.problem !== null) return refused("SCHEMA_INCONSISTENT", data.problem);
  const files = new Map(migrations.files.map((file) => [file.revision, file]));
  for (const row of data.applied) {
    const file = files.get(row.revision);
    if (file === undefined) {
      return refused(
        "SCHEMA_AHEAD",
        `The database is at ${headOfApplied(data.applied)}, which ${tag} does not know (it works with ` +
          `${migrations.head ?? "no schema"}). To go back to it: fiber rollback --to ${tag}`,
      );
    }
    if (file.upSha256 !== row.upSha256) {
      return refused(
        "MIGRATION_EDITED",
        `Migration ${row.revision} of ${tag} is not the one that was applied here. Released migrations ` +
          "never change: put the file back and add another.",
      );
    }
  }
  return null;
}

function pendingOf({ release, data }: DeployFacts): readonly Pending[] {
  if (data === null) return [];
  const done = new Set(
    data.applied.filter((row) => row.status === "applied").map((row) => row.revision),
  );
  return release.record.migrations.files.filter((file) => !done.has(file.revision));
}

function makePlan(facts: DeployFacts): RunPlan {
  const { head, release, running, data, allowLoss } = facts;
  const pending = pendingOf(facts);
  const migrates = pending.length > 0;
  const restorePoint = data?.canRecover === true ? ("point" as const) : ("dump" as const);
  // With migrations and without a WAL archive the dump is taken under the fence instead.
  const backup = facts.backup && data !== null && !(migrates && restorePoint === "dump");
  return assemblePlan({
    ...{ kind: "deploy", head, target: release, running, data },
    level: migrates ? "schema" : "code",
    why: migrates ? describePending(pending) : "the schema is the same: only code changes",
    ids: deployStepIds({ migrates, backup }),
    shown: { build: facts.build, source: null, restore: null, dropped: null },
    loss: { ...NO_LOSS, statement: statementOf(facts, migrates) },
    warnings: warningsOf(facts),
    facts: {
      migrations: facts.migrations,
      overlap: !migrates,
      down: null,
      up: migrates ? { to: release.record.migrations.head, allowLoss, restorePoint } : null,
      gates: { skip: facts.skipGates },
      backup,
      takesBack: null,
      before: null,
      failed: null,
    },
  });
}

function describePending(pending: readonly Pending[]): string {
  const named = pending.map((file) => file.name.replace(/\.sql$/, "")).join(", ");
  return `${pending.length} migration${pending.length === 1 ? " is" : "s are"} applied: ${named}`;
}

/** Whether another release runs, to which a failed deploy goes back. */
function hasWayBack({ running, release }: DeployFacts): boolean {
  return running.artefact && running.release !== release.record.tag;
}

function statementOf(facts: DeployFacts, migrates: boolean): string {
  const { allowLoss } = facts;
  const back = hasWayBack(facts)
    ? "A step or gate that fails takes everything back."
    : "There is nothing to go back to yet: this is the first release here.";
  if (!migrates) return `Nothing is lost. ${back}`;
  return allowLoss
    ? `What the migrations remove is lost: --allow-loss. ${back}`
    : `Nothing is lost: a migration that removes rows or values ${hasWayBack(facts) ? "is taken back" : "fails, and what brings them back is named"}. ${back}`;
}

function warningsOf(facts: DeployFacts): string[] {
  const { release, running, skipGates, allowUnsigned, gatesPassed } = facts;
  const { record } = release;
  return [
    ...(hasWayBack(facts)
      ? []
      : [
          `${running.release ?? "Nothing"} runs, and there is no release to go back to yet. A step that ` +
            `fails before the switch leaves it running; a gate that fails behind it leaves ${record.tag}.`,
        ]),
    ...(skipGates === null ? [] : [`The gates are skipped: ${skipGates}`]),
    ...(skipGates === null && !gatesPassed
      ? ["The gates have not run on this commit yet: they run first."]
      : []),
    ...(record.signature.status === "good" || allowUnsigned === null
      ? []
      : [`The tag's signature is not verified (${record.signature.status}): ${allowUnsigned}`]),
    ...(record.status === "bad" ? [`${record.tag} was found bad before: ${record.why ?? ""}`] : []),
  ];
}

const refused = (code: string, why: string): Refusal => ({ kind: "refused", code, why });
