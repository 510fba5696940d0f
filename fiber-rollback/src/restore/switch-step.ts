import { FiberError } from "#contracts";
import {
  type EndedSession,
  findDatabase,
  holdWriters,
  listPreparedTransactions,
  openSession,
  readRounds,
  swapDatabases,
} from "#db";
import type { Step, StepDetail } from "../engine/step.js";
import { urlOfDatabase } from "../pg-tools.js";
import { titleOf } from "./beside-step.js";
import { carryAndRecord } from "./carry-step.js";
import { raiseIn } from "./fence-step.js";
import { holdRestoredSchema } from "./hold-restored-schema.js";
import { quarantineComment } from "./quarantine.js";
import { onDatabase, type RestoreContext, sessionName } from "./restore-context.js";

/**
 * Under the fence: holds all writers, carries over the tail, swaps the names in one transaction.
 * Whether it is done is told by the OID that owns the live name.
 */
export function switchStep(context: RestoreContext): Step {
  const { plan, ports } = context;
  const isDone = async () => {
    const [live, quarantine] = await onDatabase(ports, null, async (session) => [
      await findDatabase(session, plan.live.name),
      await findDatabase(session, plan.quarantine),
    ]);
    return live !== null && live.oid !== plan.live.oid && quarantine?.oid === plan.live.oid;
  };
  return {
    id: "switch",
    title: titleOf(plan, "switch"),
    kind: "pivot",
    lasting: true,
    async check() {
      if (await isDone()) return { state: "done" };
      const why = await findObstacle(context);
      return why === null ? { state: "needed" } : { state: "blocked", code: "SWAP_BLOCKED", why };
    },
    run: () => carryTailAndSwap(context),
    async verify() {
      if (await isDone()) return;
      throw new FiberError("SWAP_FAILED", `${plan.live.name} is still the old database. Resume.`);
    },
  };
}

/** What would keep the swap from happening, in words; null for nothing. */
export async function findObstacle({
  plan,
  ports,
}: Pick<RestoreContext, "plan" | "ports">): Promise<string | null> {
  const prepared = await onDatabase(ports, null, async (session) => [
    ...(await listPreparedTransactions(session, plan.live.name)),
    ...(await listPreparedTransactions(session, plan.restored)),
  ]);
  if (prepared.length === 0) return null;
  const names = prepared.map(
    ({ gid, owner, preparedAt }) => `'${gid}' (of ${owner}, since ${preparedAt.toISOString()})`,
  );
  return (
    `A prepared transaction keeps ${plan.live.name} from being renamed: ${names.join(", ")}. End it ` +
    "in that database with COMMIT PREPARED or ROLLBACK PREPARED and its name, then run the command again."
  );
}

async function carryTailAndSwap(context: RestoreContext): Promise<StepDetail> {
  const { plan, ports } = context;
  const restoredOid = await onDatabase(ports, null, async (session) => {
    const live = await findDatabase(session, plan.live.name);
    if (live?.oid !== plan.live.oid) {
      throw new FiberError(
        "SWAP_FAILED",
        `${plan.live.name} is not the database that this restore was planned for. Plan a new one.`,
      );
    }
    return (await findDatabase(session, plan.restored))?.oid ?? 0;
  });
  const holder = await openSession(
    urlOfDatabase(ports.admin, plan.live.name),
    sessionName(ports.database),
  );
  try {
    const ended = await onDatabase(ports, null, (control) => holdWriters(holder, control));
    const startedAt = performance.now();
    await onDatabase(ports, plan.restored, async (target) => {
      const since = (await readRounds(target, plan.id)).at(-1)?.horizon ?? null;
      if (plan.carry) await carryAndRecord(context, { source: holder, target, since });
      await holdRestoredSchema(context, target);
    });
    await raiseIn(context, plan.restored);
    const tailMs = Math.round(performance.now() - startedAt);
    const swapped = await swapDatabases({
      admin: ports.admin,
      live: plan.live.name,
      liveOid: plan.live.oid,
      restored: plan.restored,
      restoredOid,
      quarantine: plan.quarantine,
      quarantineComment: quarantineComment(plan),
      holder,
    });
    return { ...swapped, tailMs, endedWriters: ended.map(inWords) };
  } finally {
    await holder.close();
  }
}

function inWords({ pid, name, user, since }: EndedSession): string {
  return `${pid} (${name || user}, in a transaction since ${since})`;
}
