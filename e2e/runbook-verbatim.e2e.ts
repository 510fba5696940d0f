import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requireDocker } from "#testkit";
import { RUNBOOK_COMMANDS } from "./runbook-commands.js";
import { openRunbookStage, type RunbookStage } from "./runbook-stage.js";
import { eventually } from "./test-stack.js";

const NODES = ["probe-gh-accra", "probe-ke-nairobi", "probe-ng-lagos"];
const UP = "docker-compose -f fiber-deploy/docker-compose.dev.yml up -d";
/** Containers start again after a pause that doubles; a loaded machine takes its time besides. */
const LOADED_MS = 180_000;
const STATUS = "curl http://localhost:8000/api/status";

/** What `pg_restore --clean` says of a partitioned, healthy database, and nothing else. */
const KNOWN_ERRORS =
  /cannot drop inherited constraint|constraint ".*" of relation ".*" does not exist|because other objects depend on it|multiple primary keys for table|relation ".*" already exists|transaction_timeout/;

/** Samples with what they say, oldest first, up to a moment. */
const samplesUpTo = (moment: string) => `
  SELECT node_id, target, check_type, time, latency_ms, packet_loss
  FROM samples JOIN series USING (series_id) WHERE time <= '${moment}' ORDER BY 1, 2, 3, 4`;

describe.skipIf(!requireDocker())(
  "the seed's runbook, word for word",
  { timeout: 1_800_000 },
  () => {
    let stage: RunbookStage;
    let badCommit = "";
    let fixedCommit = "";

    beforeAll(async () => {
      stage = await openRunbookStage(`fiber-e2e-${process.pid}`);
      const built = await stage.sh("docker-compose -f fiber-deploy/docker-compose.dev.yml build");
      expect(built.code, built.stderr + built.stdout.slice(-4_000)).toBe(0);
    }, 1_800_000);
    afterAll(() => stage?.remove(), 300_000);

    /** Runs a command of the runbook that must succeed. */
    async function works(...args: Parameters<RunbookStage["command"]>): Promise<string> {
      const { code, stdout, stderr } = await stage.command(...args);
      expect(code, `${args[0]}\n${stdout}\n${stderr}`).toBe(0);
      return stdout;
    }

    async function threeProbes(): Promise<void> {
      await eventually(
        "three probes",
        async () => {
          const answer = await fetch("http://localhost:8000/api/metrics");
          const body = (await answer.json()) as { node_id: string }[];
          expect(answer.status, JSON.stringify(body)).toBe(200);
          return Array.isArray(body) && body.length === 3 && body;
        },
        LOADED_MS,
      );
    }

    describe("scenario 1: a hotfix breaks the frozen branch", () => {
      test("the release runs, and then a bad commit breaks it", async () => {
        await works(UP);
        await stage.awaitServed("ok");
        await threeProbes();
        await stage.edit(
          "fiber-api/src/index.ts",
          (text) => `${text}\nthrow new Error("bad commit");\n`,
        );
        stage.repository.git("commit", "--quiet", "--all", "--message=Answer faster");
        stage.repository.git("push", "--quiet", "origin", "release/mvp");
        badCommit = stage.repository.git("rev-parse", "HEAD");
        await eventually(
          "an API that does not start",
          async () => {
            const { stdout, stderr } = await stage.sh("docker logs --since 5m fiber-api");
            return `${stdout}${stderr}`.includes("bad commit");
          },
          LOADED_MS,
        );
        await expect(stage.status()).rejects.toThrow();
      });

      test("1.1 names the bad commit", async () => {
        const log = await works("git log --oneline -10");
        expect(log).toContain(`${badCommit.slice(0, 7)} Answer faster`);
      });

      test("1.2 reverts it, and what is served is whole again", async () => {
        await works("git revert <bad_commit_hash>", { bad_commit_hash: badCommit });
        await works("git push origin release/mvp");
        expect(stage.repository.remoteGit("rev-parse", "release/mvp")).toBe(
          stage.repository.git("rev-parse", "HEAD"),
        );
        await stage.awaitServed("ok");
        expect(stage.repository.git("diff", "v1.0.0-mvp")).toBe("");
      });

      test("1.3 and 1.4 serve a fix that is not committed yet", async () => {
        await works("git checkout v1.0.0-mvp");
        await works("git checkout -b hotfix/fix-description");
        await stage.edit("fiber-api/src/routes/meta-routes.ts", (text) => `${text}\n// the fix\n`);
        await works(UP);
        const body = await stage.awaitServed("ok");
        const served = JSON.parse(await works(STATUS)) as typeof body;
        expect(served.data.release).toBe(body.data.release);
        stage.repository.git("commit", "--quiet", "--all", "--message=Fix it");
        fixedCommit = stage.repository.git("rev-parse", "HEAD");
      });

      test("1.5 and 1.6 bring the fix to the release branch, under a signed tag", async () => {
        await works("git checkout release/mvp");
        await works("git cherry-pick <fixed_commit_hash>", { fixed_commit_hash: fixedCommit });
        await works("git push origin release/mvp");
        await works('git tag -s v1.0.1-mvp -m "Hotfix: <description>"', { description: "mend it" });
        await works("git push origin v1.0.1-mvp");
        stage.repository.git("verify-tag", "v1.0.1-mvp");
        expect(stage.repository.remoteGit("rev-parse", "v1.0.1-mvp^{commit}")).toBe(
          stage.repository.git("rev-parse", "release/mvp"),
        );
        await stage.awaitServed("ok");
      });
    });

    describe("scenario 2: a regression in production", () => {
      let backedUp: readonly string[];
      let later: readonly string[];

      test("a backup of the release lies in backups/, and a bad release answers 500", async () => {
        const backup = await stage.sh("docker exec fiber-api fiber backup create --tag v1.0.0-mvp");
        expect(backup.code, backup.stderr).toBe(0);
        const [moment = ""] = await stage.rows("SELECT max(time) FROM samples");
        backedUp = await stage.rows(samplesUpTo(moment));
        await stage.edit("fiber-api/src/read-status.ts", (text) => {
          const bad = text.replace(
            "await facts()",
            'await Promise.reject(new Error("regression"))',
          );
          expect(bad).not.toBe(text);
          return bad;
        });
        stage.repository.git("commit", "--quiet", "--all", "--message=Release v1.1.0-mvp");
        await works(UP);
        await eventually(
          "500 from /api/status",
          async () => {
            const { stdout } = await stage.sh(`${STATUS} -s -o /dev/null -w '%{http_code}'`);
            return stdout === "500";
          },
          LOADED_MS,
        );
        await sleep(10_000); // More rounds, so that the restore has something to lose.
      });

      test("2.1 stops the deployment: nothing of it is left running", async () => {
        const [moment = ""] = await stage.rows("SELECT max(time) FROM samples");
        later = await stage.rows(samplesUpTo(moment));
        expect(later.length).toBeGreaterThan(backedUp.length);
        await works("docker-compose -f fiber-deploy/docker-compose.dev.yml down");
        const { stdout } = await stage.sh("docker ps --all --format '{{.Names}}'");
        expect(stdout).not.toMatch(/^(fiber-(api|etl|db|queue|dashboard)|probe-(gh|ng|ke))$/m);
      });

      test("2.2 serves the last good version again", async () => {
        await works("git checkout v1.0.0-mvp");
        await works(UP);
        await stage.awaitServed("ok");
        await threeProbes();
      });

      test("2.3 restores as the runbook says: its known errors, the dump's rows, and a replay", async () => {
        expect(await works("ls -la backups/")).toMatch(/v1\.0\.0-mvp\.dump -> /);
        const restore = await stage.command(
          "pg_restore --clean -h localhost -U postgres -d fiberstack backups/v1.0.0-mvp.dump",
        );
        const errors = restore.stderr.split("\n").filter((line) => / error: /.test(line));
        expect(errors.filter((line) => !KNOWN_ERRORS.test(line))).toEqual([]);
        expect(restore.stderr).toMatch(/cannot drop inherited constraint/);
        expect(restore.code).toBe(1);
        await eventually(
          "every sample again, those after the dump from the queue",
          async () => {
            const [moment = ""] = await stage.rows("SELECT max(time) FROM samples");
            const now = new Set(await stage.rows(samplesUpTo(moment)));
            expect(backedUp.filter((row) => !now.has(row))).toEqual([]);
            expect(later.filter((row) => !now.has(row))).toEqual([]);
            return true;
          },
          120_000,
        );
      });

      test("2.4 verifies the recovery", async () => {
        await stage.awaitServed("ok");
        await threeProbes();
        expect(JSON.parse(await works(STATUS))).toMatchObject({ status: "ok" });
        expect(await works("curl http://localhost:8000/api/metrics | jq 'length'")).toBe("3\n");
        const page = await works("open http://localhost:4000");
        for (const node of NODES) expect(page).toContain(node);
      });
    });

    describe("scenario 3: a migration fails", () => {
      const next = "fiber-db/migrations/0099_next.sql";
      let head = "";
      let before = "";

      test("a broken migration fails and leaves the schema where it was", async () => {
        head = (await works("docker exec fiber-api alembic current")).trim().split(" ")[0] ?? "";
        before = String(Number(head) - 1).padStart(4, "0");
        const file = next.replace("0099", String(Number(head) + 1).padStart(4, "0"));
        await stage.edit(file, () => migration("CREATE TABLE next (id integer PRIMARY KEY"));
        const failed = await stage.command("docker exec fiber-api alembic upgrade head");
        expect(failed.code).toBe(1);
        expect(failed.stderr).toMatch(/syntax error/);
      });

      test("3.1 tells where it stands", async () => {
        expect(await works("docker exec fiber-api alembic current")).toBe(`${head}\n`);
        const history = await works("docker exec fiber-api alembic history");
        expect(history).toMatch(new RegExp(`^${head} -> \\d{4} \\(head\\), next$`, "m"));
      });

      test("3.2 goes back, stays back, and the API stays up and says so", async () => {
        await works("docker exec fiber-api alembic downgrade -1");
        const down = async () => {
          expect(await works("docker exec fiber-api alembic current")).toBe(`${before}\n`);
          expect(await stage.awaitServed("down")).toMatchObject({ code: "SCHEMA_BEHIND" });
          expect((await stage.status()).http).toBe(503);
        };
        await down();
        // Neither another `up -d` nor a restart undoes it.
        await works(UP);
        await stage.sh("docker restart fiber-api");
        await down();
      });

      test("3.3 goes up again with the migration mended", async () => {
        const file = next.replace("0099", String(Number(head) + 1).padStart(4, "0"));
        await stage.edit(file, () => migration("CREATE TABLE next (id integer PRIMARY KEY)"));
        await works("docker exec fiber-api alembic upgrade head");
        expect(await works("docker exec fiber-api alembic current")).toMatch(/^\d{4} \(head\)\n$/);
        await stage.awaitServed("ok");
        await threeProbes();
      });
    });

    test("nothing of the runbook was left out, and our page holds every command", () => {
      const commands = RUNBOOK_COMMANDS.map(({ command }) => command);
      expect([...stage.ran].sort()).toEqual([...new Set(commands)].sort());
      const page = readFileSync(
        join(import.meta.dirname, "..", "docs", "RUNBOOK_ROLLBACK.md"),
        "utf8",
      );
      for (const command of commands) expect(page).toContain(command);
    });
  },
);

function migration(create: string): string {
  return `-- kind: lossy: drops the table
-- up
${create};
COMMENT ON TABLE next IS 'append: nothing yet';
-- down
DROP TABLE next;
`;
}
