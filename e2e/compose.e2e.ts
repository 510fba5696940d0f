import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requireDocker } from "#testkit";
import { type ComposeStage, EDGE_NODE, openComposeStage } from "./compose-stage.js";
import { startLoad, storedAt, wrongOf } from "./load-list.js";
import { nextMigration } from "./product-clone.js";
import { eventually } from "./test-stack.js";

const FIRST = "v1.0.0-mvp";
const NEXT = "v1.1.0-mvp";
const EXTRA = `-- kind: reversible: a test's
-- up
CREATE TABLE extra (id int); COMMENT ON TABLE extra IS 'state: a test''s';
-- down
DROP TABLE extra;
`;

describe.skipIf(!requireDocker())("releases of the product on containers", () => {
  let stage: ComposeStage;
  let load: Awaited<ReturnType<typeof startLoad>> | undefined;
  let admin = "";

  beforeAll(async () => {
    stage = await openComposeStage(`fiber-e2e-${process.pid}`);
    stage.releaseFirst(FIRST);
    await stage.startBase();
  }, 600_000);
  afterAll(async () => {
    await load?.stop().catch(() => undefined);
    await stage?.remove();
  }, 300_000);

  async function works(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await stage.fiber(...args);
    expect(code, `fiber ${args.join(" ")}\n${stderr}\n${stdout}`).toBe(0);
    return stdout;
  }

  const read = async <T>(path: string): Promise<T> => {
    const headers = { authorization: `Bearer ${admin}` };
    const answer = await fetch(`${stage.apiUrl}${path}`, { headers });
    const body = (await answer.json()) as T;
    expect(answer.status, JSON.stringify(body)).toBe(200);
    return body;
  };

  /** A run that ends well; then the release serves, and the edge's probe reports what is new. */
  async function runsTo(release: string, ...args: readonly string[]): Promise<unknown> {
    const done = JSON.parse(await works(...args, "--yes", "--json")) as { readonly state: string };
    expect(done.state).toBe("done");
    const status = await read<{ data: { release: string } }>("/api/status");
    expect(status.data.release).toBe(release);
    await probeReportsAfter(Date.now());
    await load?.more(500);
    return done;
  }

  async function probeReportsAfter(momentMs: number): Promise<void> {
    await eventually("a new sample of the edge's probe", async () => {
      const entries = await read<readonly { node_id: string; timestamp: string }[]>("/api/metrics");
      return entries.some(
        (one) => one.node_id === EDGE_NODE && Date.parse(one.timestamp) > momentMs,
      );
    });
  }

  test("the first release goes live as docs/containers.md says", async () => {
    await eventually(
      "the database",
      async () => (await stage.fiber("migrate", "current")).code === 0,
    );
    await works("migrate", "upgrade", "head");
    admin = (await works("token", "issue", "--role", "admin")).trim();
    writeFileSync(join(stage.stateDir, "admin.token"), `${admin}\n`, { mode: 0o600 });
    stage.startProbe((await works("token", "issue", "--node", EDGE_NODE)).trim());
    await runsTo(FIRST, "deploy", FIRST);
  }, 900_000);

  test("the next one, with a migration, is left with one command, and that is undone; nothing was lost", async () => {
    load = await startLoad(stage, "all", { pauseMs: 200 });
    await load.more(500);
    stage.clone.release(NEXT, { [nextMigration("extra")]: EXTRA });
    await runsTo(NEXT, "deploy", NEXT);
    expect(await runsTo(FIRST, "rollback", "--reason", "a test")).toMatchObject({
      plan: { to: FIRST },
    });
    await runsTo(NEXT, "rollback", "undo");
    const acknowledged = await load.stop();
    load = undefined;
    expect(acknowledged.length).toBeGreaterThan(2_000);
    await eventually("everything acknowledged, as it was sent", async () => {
      expect(wrongOf(acknowledged, await storedAt(stage.databaseUrl))).toEqual([]);
      return true;
    });
  }, 900_000);
});
