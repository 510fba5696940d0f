import type { FenceView } from "#db";
import { fenceIngest, ingestFence, liftIngestFence, parseDuration } from "#rollback";
import { openDataPorts } from "../data-ports.js";
import { printResult } from "../terminal.js";

/** Options as commander hands them over. */
interface Options {
  readonly for: string;
  readonly reason: string;
  readonly dryRun?: true;
  readonly json?: true;
}

/** `fiber ingest fence` */
export async function runFence(options: Options): Promise<void> {
  const forMs = parseDuration(options.for);
  const { ports } = await openDataPorts();
  if (options.dryRun === true) {
    const stands = await ingestFence(ports);
    return printResult(options.json === true, { stands, forMs, reason: options.reason }, () =>
      [
        describe(stands),
        `Would fence ingest for ${options.for}: ${options.reason}. Nothing was changed.`,
      ].join("\n"),
    );
  }
  const fenced = await fenceIngest(ports, { reason: options.reason, forMs });
  printResult(options.json === true, { ...fenced, reason: options.reason }, () =>
    [
      ...(fenced.replaced === null ? [] : [`Replaced: ${describe(fenced.replaced)}`]),
      `Ingest is fenced until ${new Date(fenced.expiresMs).toISOString()} (${options.reason}). No ` +
        `write is in flight; it took ${fenced.tookMs} ms. Lift it with: fiber ingest lift`,
    ].join("\n"),
  );
}

/** `fiber ingest lift` */
export async function runLift(options: Pick<Options, "dryRun" | "json">): Promise<void> {
  const { ports } = await openDataPorts();
  if (options.dryRun === true) {
    const stands = await ingestFence(ports);
    return printResult(options.json === true, { stands }, () =>
      stands === null ? "No fence stands." : `Would lift: ${describe(stands)}`,
    );
  }
  const lifted = await liftIngestFence(ports);
  printResult(options.json === true, { lifted }, () =>
    lifted ? "The fence is lifted; samples are taken again." : "No fence stood.",
  );
}

/** `fiber ingest status` */
export async function runFenceStatus(options: Pick<Options, "json">): Promise<void> {
  const { ports } = await openDataPorts();
  const stands = await ingestFence(ports);
  printResult(options.json === true, { fenced: stands !== null, fence: stands }, () =>
    describe(stands),
  );
}

function describe(fence: FenceView | null): string {
  if (fence === null) return "Ingest is open.";
  const until = new Date(fence.expiresMs).toISOString();
  return `Ingest is fenced until ${until} by ${fence.raisedBy}: ${fence.reason}.`;
}
