import { FiberError } from "#contracts";
import { type LossItem, type PlannedLoss, plannedLoss } from "#db";
import { confirm } from "../ask.js";
import { formatTable, tell } from "../terminal.js";

/** How the operator stands to a loss. */
export interface LossConsent {
  readonly allowLoss?: boolean;
  readonly yes?: boolean;
  /** What `fiber migrate downgrade` was given, for the command to repeat. */
  readonly target: string;
  /**
   * Whether the database is the one that `fiber up` runs itself from a working tree: no release was
   * ever deployed to it.
   */
  readonly development: boolean;
  /** Takes a backup; resolves to its path. */
  readonly backUp: () => Promise<string>;
}

/** What a downgrade drops, counted, and printed on stderr where it is anything. */
export async function statedLoss(connectionString: string, target: string): Promise<PlannedLoss> {
  const loss = await plannedLoss({ connectionString, target });
  if (!loss.nothing) {
    tell("This downgrade drops:");
    tell(formatTable([["REVISION", "WHAT", "ROWS"], ...loss.items.map(lossRow)]));
  }
  return loss;
}

/**
 * Lets a downgrade through or stops it (docs/decisions/0003). A loss needs `--allow-loss`, and a
 * yes on a terminal. The embedded database of a working tree, release `dev`, is backed up instead,
 * so that nothing is lost.
 *
 * @throws FiberError LOSS_REFUSED, DECLINED
 */
export async function downgradeLoss(loss: PlannedLoss, consent: LossConsent): Promise<void> {
  if (loss.nothing) return;
  if (consent.allowLoss !== true && consent.development && isDev(loss)) {
    const path = await consent.backUp().catch((cause: Error) => {
      throw refused(loss, consent.target, `A backup could not be taken: ${cause.message}`, cause);
    });
    tell(
      `Backed up first to ${path}\nBring the rows back with: fiber restore ${path} --then-upgrade`,
    );
    return;
  }
  if (consent.allowLoss !== true) {
    throw refused(loss, consent.target, "Keep them first: fiber backup create.");
  }
  if (process.stdin.isTTY && process.stderr.isTTY) {
    await confirm("Lose these rows for good?", consent.yes === true);
  }
}

function refused(loss: PlannedLoss, target: string, why: string, cause?: Error): FiberError {
  const rows = loss.items
    .filter((item) => item.rows !== 0 || item.estimated)
    .map((item) => `${item.what}: ${rowsOf(item)}`);
  return new FiberError(
    "LOSS_REFUSED",
    `Nothing was changed: the downgrade would drop rows (${rows.join("; ")}). ${why} Then drop ` +
      `them with: fiber migrate downgrade ${target} --allow-loss`,
    { cause },
  );
}

function isDev(loss: PlannedLoss): boolean {
  return loss.releases.every((release) => release === "dev");
}

function lossRow(item: LossItem): readonly string[] {
  return [item.revision, item.what, rowsOf(item)];
}

function rowsOf({ rows, estimated }: LossItem): string {
  const counted = rows === null ? "cannot be counted" : rows.toLocaleString("en");
  return estimated ? `about ${counted}` : counted;
}
