import { reportingProbes, targetFigures } from "#db";
import type { Logger } from "#runtime";
import { LOOK_BACK_MS } from "./awaited-probes.js";
import type { BeforeRun, VerifyContext } from "./verify-context.js";

/**
 * Reads, before anything is changed, which probes reported in the last 15 minutes and how their
 * targets looked. Null without a database, or when it cannot be read: the verification then looks
 * back by itself, as far as it can.
 */
export async function observeBefore(
  context: Pick<VerifyContext, "db" | "clock"> & { readonly log: Logger },
): Promise<BeforeRun | null> {
  const { db, clock } = context;
  if (db === null) return null;
  const endMs = clock.now();
  const window = { startMs: endMs - LOOK_BACK_MS, endMs };
  try {
    const [probes, targets] = [await reportingProbes(db, window), await targetFigures(db, window)];
    return {
      observedAt: new Date(endMs).toISOString(),
      probes: [...probes],
      targets: targets.map(({ samples: _, ...figures }) => figures),
    };
  } catch (err) {
    // A database that cannot be read is often the reason for the run.
    context.log.warn({ err }, "what probes reported before the run cannot be read");
    return null;
  }
}
