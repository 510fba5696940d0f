import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { FiberError } from "#contracts";
import { commentDatabase, createDatabase, dropDatabase, findDatabase, readyForScans } from "#db";
import { decryptStream } from "../backup/age-files.js";
import { type Manifest, readManifest, statementFor } from "../backup/manifest.js";
import type { Step } from "../engine/step.js";
import { compareWithManifest, refuseDifferences } from "./compare-manifest.js";
import { onDatabase, type RestoreContext } from "./restore-context.js";
import { readDumpToEnd, restoreDump } from "./restore-dump.js";

const PLAIN_COPY = "decrypted.dump";

/** Comment of a database that this run made, before and after it is complete. */
const noteOf = (id: string, state: "unfinished" | "restored") => `fiber restore ${id}: ${state}`;

/**
 * Restores the dump into a database beside the live one and compares it with the manifest. What a
 * kill left unfinished is dropped and done again; a failure leaves nothing behind.
 *
 * @param dump the dump's path and whether it is encrypted with a key file
 */
export function besideStep(
  { plan, ports, folder, journal }: RestoreContext,
  dump: () => { readonly path: string; readonly identity: string | null },
): Step {
  const { restored, id, live } = plan;
  const find = () => onDatabase(ports, null, (session) => findDatabase(session, restored));
  return {
    id: "beside",
    title: titleOf(plan, "beside"),
    kind: "reversible",
    lasting: true,
    async check() {
      const found = await find();
      if (found === null) return { state: "needed" };
      if (found.comment === noteOf(id, "restored")) {
        return { state: "done", detail: { oid: found.oid } };
      }
      if (found.comment === noteOf(id, "unfinished")) return { state: "needed" };
      // Killed between making it and noting whose it is; the name was free when it was planned.
      const begun = journal
        .lines()
        .some((line) => line.event === "intent" && line.step === "beside");
      if (found.comment === null && begun) return { state: "needed" };
      return {
        state: "blocked",
        code: "RESTORE_NAME_TAKEN",
        why: `Database ${restored} exists and is not of this run. Rename or drop it, then: fiber restore --resume`,
      };
    },
    async run() {
      const { path, identity } = dump();
      let restoreMs = 0;
      const manifest = await readManifestIfAny(path);
      const plain = identity === null ? path : await decryptBeside(path, identity, folder);
      try {
        if (manifest === null) await readDumpToEnd(ports.admin, plain);
        await onDatabase(ports, null, async (admin) => {
          await dropDatabase(admin, restored);
          const { owner, encoding, collate, ctype } = live;
          await createDatabase(admin, { name: restored, owner, encoding, collate, ctype });
          await commentDatabase(admin, restored, noteOf(id, "unfinished"));
        });
        const startedAt = performance.now();
        await restoreDump({ admin: ports.admin, database: restored, path: plain });
        restoreMs = Math.round(performance.now() - startedAt);
        await finishRestored(ports, restored, manifest, path);
        await onDatabase(ports, null, (s) => commentDatabase(s, restored, noteOf(id, "restored")));
      } catch (err) {
        // Its disk space may be what is missing; a server that is away is asked at the next try.
        await onDatabase(ports, null, (s) => dropDatabase(s, restored)).catch((dropError) =>
          ports.log.warn({ err: dropError, database: restored }, "unfinished database remains"),
        );
        throw err;
      } finally {
        await removePlainCopy(folder);
      }
      const found = await find();
      return { oid: found?.oid ?? null, sizeBytes: found?.sizeBytes ?? null, restoreMs };
    },
    async verify() {
      if ((await find())?.comment === noteOf(id, "restored")) return;
      throw new FiberError("RESTORE_FAILED", `Database ${restored} is not complete. Try again.`);
    },
    async undo() {
      await removePlainCopy(folder);
      const found = await find();
      if (found === null) return;
      if (found.comment !== null && !found.comment.startsWith(`fiber restore ${id}:`)) return;
      await onDatabase(ports, null, (session) => dropDatabase(session, restored));
    },
  };
}

/** A step's title in the plan. */
export function titleOf(plan: RestoreContext["plan"], id: string): string {
  return plan.steps.find((step) => step.id === id)?.title ?? id;
}

/** The manifest beside a dump; null where there is none. Other problems are thrown. */
export async function readManifestIfAny(path: string): Promise<Manifest | null> {
  try {
    return await readManifest(path);
  } catch (err) {
    if (err instanceof FiberError && err.code === "MANIFEST_MISSING") return null;
    throw err;
  }
}

/** Removes the plain copy of an encrypted dump, which a killed run leaves in its folder. */
export async function removePlainCopy(folder: string): Promise<void> {
  await rm(join(folder, PLAIN_COPY), { force: true });
}

async function finishRestored(
  ports: RestoreContext["ports"],
  database: string,
  manifest: Manifest | null,
  path: string,
): Promise<void> {
  await onDatabase(ports, null, async (admin) => {
    for (const statement of [...(manifest?.acls ?? []), ...(manifest?.settings ?? [])]) {
      await admin.query(statementFor(statement, database));
    }
  });
  // The planner must know the tables before anyone reads; both passes share the cores.
  const [differences, analyzed] = await Promise.allSettled([
    onDatabase(ports, database, async (session) => {
      await readyForScans(session);
      return await compareWithManifest(session, manifest);
    }),
    onDatabase(ports, database, async (session) => {
      await readyForScans(session);
      // Enough for good plans; at the default target it would read all rows twice. Autovacuum
      // looks closer soon after.
      await session.query("SET default_statistics_target = 25; ANALYZE");
    }),
  ]);
  if (differences.status === "rejected") throw differences.reason;
  if (analyzed.status === "rejected") throw analyzed.reason;
  refuseDifferences(differences.value, path);
}

/** pg_restore must seek, so an encrypted dump is plain on disk (0600) while it is restored. */
async function decryptBeside(path: string, identity: string, folder: string): Promise<string> {
  await removePlainCopy(folder);
  const plain = join(folder, PLAIN_COPY);
  await pipeline(
    await decryptStream(createReadStream(path), identity),
    createWriteStream(plain, { flags: "wx", mode: 0o600 }),
  );
  return plain;
}
