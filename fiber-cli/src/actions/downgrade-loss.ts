import { FiberError } from "#contracts";
import { type LossItem, type PlannedLoss, plannedLoss } from "#db";
import { confirm } from "../ask.js";
import { formatTable, tell } from "../terminal.js";

/** How the operator stands to a loss. */
export interface LossConsent {
  readonly allowLoss?: boolean;
  readonly yes?: boolean;
  /** Whether the database is the one that `fiber up` runs itself. */
  readonly embedded: boolean;
  /** Takes a backup; resolves to its path. */
  readonly backUp: () => Promise<string>;
}

/** What a downgrade loses, counted, and printed on stderr where it is anything. */
export async function statedLoss(connectionString: string, target: string): Promise<PlannedLoss> {
  const loss = await plannedLoss({ connectionString, target });
  if (!loss.nothing) {
    tell("This downgrade loses, for good:");
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
  if (consent.allowLoss !== true && consent.embedded && isDev(loss)) {
    const path = await consent.backUp().catch((cause: Error) => {
      throw new FiberError(
        "LOSS_REFUSED",
        `${REFUSED} A backup could not be taken: ${cause.message}`,
        {
          cause,
        },
      );
    });
    tell(
      `Backed up first to ${path}\nBring the rows back with: fiber restore ${path} --then-upgrade`,
    );
    return;
  }
  if (consent.allowLoss !== true) {
    throw new FiberError(
      "LOSS_REFUSED",
      `${REFUSED} Back them up first (fiber backup create), then repeat the command with --allow-loss.`,
    );
  }
  if (process.stdin.isTTY && process.stderr.isTTY) {
    await confirm("Lose these rows for good?", consent.yes === true);
  }
}

const REFUSED = "Nothing was changed: the downgrade would lose the rows listed above.";

function isDev(loss: PlannedLoss): boolean {
  return loss.releases.every((release) => release === "dev");
}

function lossRow({ revision, what, rows, estimated }: LossItem): readonly string[] {
  const counted = rows === null ? "cannot be counted" : rows.toLocaleString("en");
  return [revision, what, estimated ? `about ${counted}` : counted];
}
