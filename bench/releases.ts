import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  backupsFolder,
  createFolderFinder,
  createReleaseStore,
  RELEASE_FORMAT,
  type ReleaseRecord,
  releaseFile,
  releaseFolder,
  releaseOverview,
  releasesFolder,
} from "#rollback";
import { type Bench, median, quantile } from "./bench.js";

const RELEASES = 500;
const MIGRATIONS = 30;
const BACKUPS_EACH = 3;
/** How many of the newest good releases have lost their artefact: each has to be passed over. */
const GONE = 100;
/** How many older ones still have theirs; pruning took the others. */
const KEPT = 5;
const RUNS = 15;

/** Reading a long history of releases: what every plan begins with. */
export const releasesBench: Bench = {
  name: "releases",
  about: `${RELEASES} releases of ${MIGRATIONS} migrations and ${BACKUPS_EACH} backups each`,
  async run(report) {
    const stateDir = mkdtempSync(join(tmpdir(), "fiber-bench-releases-"));
    try {
      makeHistory(stateDir);
      report("history written");
      const reading: number[] = [];
      const listing: number[] = [];
      const plain: number[] = [];
      for (let run = 0; run < RUNS; run++) {
        plain.push(await timed(async () => readPlainly(stateDir)));
        reading.push(await timed(() => findLastGood(stateDir)));
        listing.push(await timed(() => overview(stateDir)));
      }
      const typical = median(reading);
      return [
        {
          figure: "last known good from all records",
          value: typical,
          unit: "ms",
          bound: { atMost: 200 },
          detail: `slowest ${Math.round(quantile(reading, 1))} ms; ${GONE} artefacts are gone`,
        },
        {
          figure: "fiber release list",
          value: median(listing),
          unit: "ms",
          bound: { atMost: 200 },
        },
        {
          figure: "last known good, against reading the same files without a check",
          value: typical / median(plain),
          unit: "times",
          detail: `${median(plain).toFixed(1)} ms`,
        },
      ];
    } finally {
      rmSync(stateDir, { recursive: true, force: true });
    }
  },
};

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

async function findLastGood(stateDir: string): Promise<void> {
  const found = await createReleaseStore(stateDir).lastKnownGood(createFolderFinder(stateDir));
  const expected = tagOf(RELEASES - GONE - 1);
  if (found?.tag !== expected) throw new Error(`found ${found?.tag}, not ${expected}`);
}

async function overview(stateDir: string): Promise<void> {
  const findArtefact = createFolderFinder(stateDir);
  const list = await releaseOverview(createReleaseStore(stateDir), { findArtefact, running: null });
  if (list.length !== RELEASES) throw new Error(`${list.length} releases`);
}

function readPlainly(stateDir: string): void {
  for (const tag of readdirSync(releasesFolder(stateDir))) {
    JSON.parse(readFileSync(releaseFile(stateDir, tag), "utf8"));
  }
}

function makeHistory(stateDir: string): void {
  for (let number = 0; number < RELEASES; number++) {
    const record = recordOf(number);
    const folder = releaseFolder(stateDir, record.tag);
    const gone = number >= RELEASES - GONE || number < RELEASES - GONE - KEPT;
    mkdirSync(gone ? folder : join(folder, "tree"), { recursive: true });
    writeFileSync(releaseFile(stateDir, record.tag), `${JSON.stringify(record, null, 2)}\n`);
    if (record.artefact !== null && !gone) {
      const { digest, sizeBytes } = record.artefact;
      const { tag, commit, createdAt } = record;
      const built = { format: 1, tag, commit, digest, sizeBytes, builtAt: createdAt, node: "v20" };
      writeFileSync(join(folder, "artefact.json"), JSON.stringify(built));
    }
    const backups = join(backupsFolder(stateDir), record.tag);
    mkdirSync(backups, { recursive: true });
    for (let backup = 0; backup < BACKUPS_EACH; backup++) {
      writeFileSync(join(backups, `2026010${backup + 1}T000000Z.dump`), "");
      writeFileSync(join(backups, `2026010${backup + 1}T000000Z.manifest.json`), "{}");
    }
  }
}

const tagOf = (number: number) => `v1.${number}.0`;
const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");

function recordOf(number: number): ReleaseRecord {
  const tag = tagOf(number);
  const at = new Date(Date.UTC(2024, 0, 1) + number * 86_400_000).toISOString();
  const files = Array.from({ length: MIGRATIONS }, (_, index) => {
    const revision = String(index + 1).padStart(4, "0");
    const name = `${revision}_changes_a_table.sql`;
    return {
      revision,
      name,
      upSha256: hashOf(`${name} up`),
      downSha256: hashOf(`${name} down`),
      kind: "reversible" as const,
    };
  });
  return {
    format: RELEASE_FORMAT,
    tag,
    signature: { status: "good", signer: "ops@example.net" },
    commit: hashOf(tag).slice(0, 40),
    artefact: { kind: "folder", ref: `/x/${tag}/tree`, digest: hashOf(tag), sizeBytes: 1 },
    migrations: { head: files.at(-1)?.revision ?? null, files },
    compatibleWith: [],
    backups: [],
    baseline: null,
    status: "good",
    createdAt: at,
    liveAt: at,
    judgedAt: at,
    why: "verified",
  };
}
