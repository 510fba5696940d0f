import { createHash } from "node:crypto";
import { join } from "node:path";
import {
  appliedMigrations,
  createDatabase,
  dropDatabase,
  findDatabase,
  upgrade,
  withSession,
} from "#db";
import type { Artefact } from "../drivers/deploy-driver.js";
import { gateEnvironment } from "../gates/run-gates.js";
import { runShell } from "../gates/run-shell.js";
import { urlOfDatabase } from "../pg-tools.js";
import { readProject } from "../project/project-file.js";
import { withCompatible } from "../releases/compatibility.js";
import type { ReleaseRecord } from "../releases/release-record.js";
import { onDatabase } from "../restore/restore-context.js";
import type { ReleaseWorld } from "../rollback/release-world.js";

/** What a smoke test said. */
interface CompatibilityProof {
  /** `unknown`: the older release declares no smoke test. */
  readonly verdict: "compatible" | "incompatible" | "unknown";
  /** The schema on which it was run. */
  readonly head: string | null;
  readonly why: string;
}

type Proof = ReleaseRecord["compatibleWith"][number];

/** A smoke test that takes longer hangs. */
const SMOKE_TIMEOUT_MS = 120_000;

/**
 * Runs the older release's smoke test on a scratch database with the newer release's schema, and
 * notes in the older release's record that it passed. Nothing else is touched: the scratch database
 * is empty and is dropped afterwards.
 */
export async function proveCompatibility(
  world: Pick<ReleaseWorld, "data" | "store" | "clock" | "env">,
  about: {
    readonly older: Artefact;
    readonly newer: {
      readonly tree: string;
      readonly migrations: string;
      readonly head: string | null;
    };
    readonly signal?: AbortSignal;
  },
): Promise<CompatibilityProof> {
  const { older, newer } = about;
  const { smoke, image } = smokeOf(older);
  const { data } = world;
  if (smoke === null || data === null || newer.head === null) {
    return { verdict: "unknown", head: newer.head, why: `${older.tag} declares no smoke test` };
  }
  // The same name each time, so that what a kill left is dropped by the next attempt.
  const scratch = `fiber_smoke_${shortHash(`${older.tag} on ${newer.head}`)}`;
  const url = urlOfDatabase(data.admin, scratch);
  await onDatabase(data, null, async (admin) => {
    const live = await findDatabase(admin, data.database);
    if (live === null) throw new Error(`database ${data.database} is missing`);
    const { owner, encoding, collate, ctype } = live;
    await dropDatabase(admin, scratch);
    await createDatabase(admin, { name: scratch, owner, encoding, collate, ctype });
  });
  try {
    await upgrade({
      connectionString: url,
      folder: join(newer.tree, newer.migrations),
      release: older.tag,
    });
    const end = await runShell(smoke, {
      cwd: older.ref,
      env: { ...gateEnvironment(process.env), ...world.env, ...image, FIBER_DATABASE_URL: url },
      timeoutMs: SMOKE_TIMEOUT_MS,
      signal: about.signal,
    });
    const passed = end.exitCode === 0;
    if (passed) await note(world, older.tag, await proofOn(url, newer.head, world.clock));
    return {
      verdict: passed ? "compatible" : "incompatible",
      head: newer.head,
      why: passed
        ? `${older.tag}'s smoke test passed on schema ${newer.head}`
        : `${older.tag}'s smoke test failed on schema ${newer.head}: ${end.tail.split("\n").at(-1) ?? ""}`,
    };
  } finally {
    await onDatabase(data, null, (admin) => dropDatabase(admin, scratch));
  }
}

async function proofOn(url: string, head: string, clock: ReleaseWorld["clock"]): Promise<Proof> {
  const applied = await withSession(url, appliedMigrations);
  const upSha256 = applied.find((row) => row.revision === head)?.upChecksum;
  const provedAt = new Date(clock.now()).toISOString();
  return { head, provedAt, ...(upSha256 === undefined ? {} : { upSha256 }) };
}

/** How a release is asked: in its tree, or, where that was only the source of an image, in the image. */
function smokeOf({ ref, kind, tag }: Artefact): {
  readonly smoke: string | null;
  readonly image: Readonly<Record<string, string>>;
} {
  const { smoke, compose } = readProject(ref);
  if (kind === "folder") return { smoke, image: {} };
  return compose === null
    ? { smoke: null, image: {} }
    : { smoke: compose.smoke, image: { FIBER_IMAGE: `${compose.image}:${tag}` } };
}

async function note(
  { store }: Pick<ReleaseWorld, "store">,
  tag: string,
  proof: Proof,
): Promise<void> {
  const record = await store.read(tag);
  if (record !== null) await store.write(withCompatible(record, proof));
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
