import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FiberError } from "#contracts";
import {
  type CarryRound,
  carryRound,
  ensurePartitions,
  exportCsv,
  findUnknownData,
  inSession,
  readRounds,
  readyForScans,
  recordRound,
  type Session,
} from "#db";
import type { Step, StepDetail } from "../engine/step.js";
import { titleOf } from "./beside-step.js";
import { onDatabase, type RestoreContext } from "./restore-context.js";

/** Rounds while the live database serves: each leaves less for the next. */
const MAX_ROUNDS = 4;
/** A round that brought fewer rows leaves a tail that the fence can wait for. */
const SMALL_ROUND = 2_000;

/**
 * Carries over while readers and writers go on; the switch does the rest under the fence. Also
 * makes the partitions ahead, and exports what the restored schema does not know.
 */
export function carryStep(context: RestoreContext): Step {
  const { plan, ports } = context;
  const rounds = () => onDatabase(ports, plan.restored, (session) => readRounds(session, plan.id));
  return {
    id: "carry",
    title: titleOf(plan, "carry"),
    kind: "reversible",
    lasting: true,
    async check() {
      const done = await rounds();
      return done.length > 0
        ? { state: "done", detail: { rounds: done.length } }
        : { state: "needed" };
    },
    async run() {
      return await onDatabase(ports, plan.live.name, async (source) =>
        onDatabase(ports, plan.restored, async (target) => {
          await Promise.all([readyForScans(source), readyForScans(target)]);
          await makePartitionsAhead(target, ports.clock.now());
          if (!plan.carry) return await carryNothing(context, target);
          const exported = await exportUnknown(context, source, target);
          let round = await carryOnce(context, { source, target, since: null });
          let count = 1;
          while (count < MAX_ROUNDS && carriedBy(round) > SMALL_ROUND) {
            round = await carryOnce(context, { source, target, since: round.horizon });
            count++;
          }
          return { rounds: count, exported };
        }),
      );
    },
    async verify() {
      if ((await rounds()).length > 0) return;
      throw new FiberError("CARRY_FAILED", "No round of carrying over was committed. Try again.");
    },
  };
}

/** Nothing was acknowledged since: an empty round says that the step is done. */
async function carryNothing({ plan }: RestoreContext, target: Session): Promise<StepDetail> {
  await inSession(target, () => recordRound(target, plan.id, { tables: [], horizon: "0" }));
  return { rounds: 0, exported: {} };
}

/** One round in transactions of its own, noted in the restored database with its effect. */
function carryOnce(
  context: RestoreContext,
  sessions: { readonly source: Session; readonly target: Session; readonly since: string | null },
): Promise<CarryRound> {
  return inSession(
    sessions.source,
    () => carryAndRecord(context, sessions),
    "BEGIN ISOLATION LEVEL REPEATABLE READ",
  );
}

/** One round inside a transaction that the caller opened on the source. */
export async function carryAndRecord(
  { plan, ports }: Pick<RestoreContext, "plan" | "ports">,
  sessions: { readonly source: Session; readonly target: Session; readonly since: string | null },
): Promise<CarryRound> {
  return await inSession(sessions.target, async () => {
    const round = await carryRound({
      ...sessions,
      leaveSuspect: plan.leaveSuspect,
      nowMs: ports.clock.now(),
    });
    await recordRound(sessions.target, plan.id, round);
    return round;
  });
}

function carriedBy(round: CarryRound): number {
  return round.tables.reduce((sum, table) => sum + table.carried, 0);
}

async function makePartitionsAhead(target: Session, nowMs: number): Promise<void> {
  const { rows } = await target.query<{ there: boolean }>(
    "SELECT to_regclass('samples') IS NOT NULL AS there",
  );
  if (rows[0]?.there) await ensurePartitions(target, { nowMs, duringBackup: "go-on" });
}

async function exportUnknown(
  { folder }: RestoreContext,
  source: Session,
  target: Session,
): Promise<Readonly<Record<string, number>>> {
  const exported: Record<string, number> = {};
  const unknown = await findUnknownData(source, target);
  if (unknown.length > 0) await mkdir(join(folder, "export"), { recursive: true, mode: 0o700 });
  for (const data of unknown) {
    const file = join(folder, "export", `${data.fileName.replaceAll(/[^\w.-]/g, "_")}.csv`);
    exported[data.what] = await exportCsv(source, data, createWriteStream(file, { mode: 0o600 }));
  }
  return exported;
}
