import { backupBench } from "./backup.js";
import { type Bench, type BenchRow, keepsBound } from "./bench.js";
import { composeBench } from "./compose.js";
import { fleetBench } from "./fleet.js";
import { helpBench } from "./help.js";
import { ingestBench } from "./ingest.js";
import { jetstreamBench } from "./jetstream.js";
import { probeBench } from "./probe.js";
import { readsBench } from "./reads.js";
import { releasesBench } from "./releases.js";
import { restoreBench } from "./restore.js";
import { rollbackBench } from "./rollback.js";
import { switchBench } from "./switch.js";

const benches: readonly Bench[] = [
  ingestBench,
  readsBench,
  probeBench,
  restoreBench,
  backupBench,
  switchBench,
  releasesBench,
  jetstreamBench,
  fleetBench,
  composeBench,
  helpBench,
  rollbackBench,
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  console.error(
    `No bench named ${unknown.join(", ")}. Known: ${benches.map((b) => b.name).join(", ")}`,
  );
  process.exit(2);
}

let broken = 0;
for (const bench of benches) {
  if (wanted.length > 0 && !wanted.includes(bench.name)) continue;
  console.log(`\n${bench.name}: ${bench.about}`);
  for (const row of await bench.run((line) => console.error(`  ${line}`))) {
    console.log(formatRow(row));
    if (!keepsBound(row)) broken++;
  }
}
console.log(broken === 0 ? "\nEvery bound is kept." : `\n${broken} bound(s) broken.`);
process.exit(broken === 0 ? 0 : 1);

function formatRow(row: BenchRow): string {
  const bound =
    row.bound === undefined
      ? ""
      : "atLeast" in row.bound
        ? ` (at least ${row.bound.atLeast})`
        : ` (at most ${row.bound.atMost})`;
  const mark = keepsBound(row) ? "  " : "! ";
  const detail = row.detail === undefined ? "" : `  ${row.detail}`;
  return `${mark}${row.figure}: ${formatValue(row.value)} ${row.unit}${bound}${detail}`;
}

function formatValue(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
