import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { killAtFile, killWhen } from "../backup/kill-work.itest-kit.js";
import { basesFolder, listBases } from "./base-manifest.js";
import { createBase } from "./create-base.js";
import { recoverToScratch } from "./recover-to-scratch.js";
import { createRestorePoint } from "./restore-points.js";
import { type ArchivingServer, startArchivingServer } from "./wal.itest-kit.js";

let at: ArchivingServer;
beforeAll(async () => {
  at = await startArchivingServer();
});
afterAll(() => at.remove());

const bases = () => basesFolder(at.stateDir);
const work = () =>
  ({ url: at.server.url("fiberstack"), stateDir: at.stateDir, what: "base" }) as const;

/** Whether an unfinished base backup holds some of the server's data already. */
function isCopying(): boolean {
  const names = existsSync(bases()) ? readdirSync(bases()) : [];
  return names.some((name) => {
    const tar = join(bases(), name, "base.tar.gz");
    return name.endsWith(".partial") && existsSync(tar) && statSync(tar).size > 100_000;
  });
}

describe("a base backup killed with its whole process group", () => {
  it.each([
    ["when it begins", () => killAtFile(work(), bases(), /\.partial$/)],
    ["while the server is copied", () => killWhen(work(), isCopying)],
    [
      "when its manifest is written",
      () =>
        killWhen(work(), () =>
          readdirSync(bases(), { recursive: true }).some((name) =>
            String(name).includes(".partial/base.json"),
          ),
        ),
    ],
  ])(
    "%s counts for nothing, and the next one clears up and serves",
    async (_, kill) => {
      const before = (await listBases(at.stateDir)).length;
      const killed = await kill();
      // A machine faster than the look has finished by itself.
      expect(await listBases(at.stateDir)).toHaveLength(killed ? before : before + 1);
      const base = await createBase(at.ports);
      expect(readdirSync(bases()).filter((name) => name.startsWith("."))).toEqual([]);
      expect(await listBases(at.stateDir)).toContainEqual(base);
      // The server keeps nothing of the dead one: no backup state, no replication slot.
      const { rows } = await at.pool.query(
        "SELECT FROM pg_stat_replication UNION ALL SELECT FROM pg_replication_slots",
      );
      expect(rows).toEqual([]);
    },
    120_000,
  );

  it("does not stand in the way of a recovery", async () => {
    await createRestorePoint(at.ports, "after-kills");
    const recovered = await recoverToScratch(at.ports, { toPoint: "after-kills" });
    await recovered.stop();
  }, 120_000);
});
