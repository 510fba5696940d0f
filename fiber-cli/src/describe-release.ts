import type { ListedRelease, ReleaseBaseline } from "#rollback";
import { formatBytes } from "./terminal.js";

/** One release for people, a line a fact. */
export function describeRelease(release: ListedRelease): string {
  const { signature, artefact, migrations } = release;
  const lossy = migrations.files.filter((file) => file.kind === "lossy").map((f) => f.revision);
  const rows: readonly (readonly [string, string])[] = [
    ["status", [release.status, release.why].filter(Boolean).join(": ")],
    ["runs now", release.running ? "yes" : "no"],
    ["last known good", release.lastKnownGood ? "yes" : "no"],
    ["commit", release.commit],
    ["signature", [signature.status, signature.signer].filter(Boolean).join(", by ")],
    ["tagged", moment(release.createdAt)],
    ["live since", moment(release.liveAt)],
    ["judged", moment(release.judgedAt)],
    ["schema", migrations.head ?? "none"],
    [
      "migrations",
      `${migrations.files.length}${lossy.length === 0 ? "" : `, taking back loses data in ${lossy.join(", ")}`}`,
    ],
    [
      "also works on",
      release.compatibleWith
        .map(({ head, provedAt }) => `${head} (${moment(provedAt)})`)
        .join(", ") || "nothing proven",
    ],
    [
      "built",
      artefact === null
        ? "never"
        : `${artefact.ref} (${formatBytes(artefact.sizeBytes)}${release.artefactPresent ? "" : ", gone"})`,
    ],
    ["digest", artefact?.digest ?? "none"],
    ["backups", release.backups.join(", ") || "none"],
    ["health while good", release.baseline === null ? "not recorded" : health(release.baseline)],
  ];
  return [release.tag, ...rows.map(([name, value]) => `  ${name.padEnd(18)}${value}`)].join("\n");
}

function moment(at: string | null): string {
  return at === null ? "never" : `${at.slice(0, 19).replace("T", " ")} UTC`;
}

function health(baseline: ReleaseBaseline): string {
  const probes = Object.entries(baseline.probesByRegion)
    .map(([region, count]) => `${region} ${count}`)
    .join(", ");
  const figure = (value: number | null, unit: string) =>
    value === null ? "not measured" : `${value} ${unit}`;
  return [
    `probes ${probes || "none"}`,
    `ingest lag ${figure(baseline.ingestLagS, "s")}`,
    `API errors ${figure(baseline.errorRate === null ? null : baseline.errorRate * 100, "%")}`,
    `reads p95 ${figure(baseline.readP95Ms, "ms")}`,
  ].join("; ");
}
