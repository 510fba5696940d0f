import type { LossItem } from "#db";
import { formatBytes, formatDuration } from "../progress.js";
import type { Known, ReadyFacts } from "./ready-facts.js";

/** How one thing stands. */
type Light = "green" | "amber" | "red";

/** One thing that a rollback needs. */
export interface ReadyItem {
  readonly id: string;
  readonly title: string;
  readonly light: Light;
  readonly reason: string;
  /** What to do; null when nothing needs doing. */
  readonly remedy: string | null;
}

/** "Can I roll back right now?" */
export interface Readiness {
  readonly light: Light;
  /** The answer in one sentence. */
  readonly summary: string;
  /** ISO 8601. */
  readonly checkedAt: string;
  readonly items: readonly ReadyItem[];
}

/** How old the newest rehearsal may be, ms. */
const REHEARSAL_MS = 30 * 86_400_000;
/** How old the newest copy elsewhere may be beyond the objective, ms. */
const COPY_GRACE_MS = 24 * 3_600_000;

/** Judges the facts. Red: a rollback would be refused or lose data; amber: it would work, with a gap. */
export function judgeReadiness(facts: ReadyFacts): Readiness {
  const items = [
    release(facts),
    signature(facts),
    ...(facts.hasDatabase ? dataItems(facts) : []),
    lock(facts),
    rehearsal(facts),
    contacts(facts),
    notify(facts),
  ].filter((item) => item !== null);
  const light = worst(items);
  return {
    light,
    summary: summarise(facts, items, light),
    checkedAt: new Date(facts.nowMs).toISOString(),
    items,
  };
}

const dataItems = (facts: ReadyFacts) => [
  backup(facts),
  copy(facts),
  archive(facts),
  waysDown(facts),
  disk(facts),
  tools(facts),
  rights(facts),
];

type Verdict = Pick<ReadyItem, "light" | "reason" | "remedy">;

const green = (reason: string): Verdict => ({ light: "green", reason, remedy: null });
const amber = (reason: string, remedy: string): Verdict => ({ light: "amber", reason, remedy });
const red = (reason: string, remedy: string): Verdict => ({ light: "red", reason, remedy });
const item = (id: string, title: string, verdict: Verdict): ReadyItem => ({
  id,
  title,
  ...verdict,
});

/** What could not be looked at is never green: it is told with its cause. */
function judged<T>(known: Known<T>, remedy: string, judge: (value: T) => Verdict): Verdict {
  return "unknown" in known ? amber(`not known: ${known.unknown}`, remedy) : judge(known.value);
}

function release({ target, withoutArtefact, running }: ReadyFacts): ReadyItem {
  const title = "A release to go back to";
  const verdict = judged(target, "fiber release list", (found) => {
    if (found !== null) {
      const gone =
        withoutArtefact.length === 0 ? "" : ` (newer, but gone: ${withoutArtefact.join(", ")})`;
      return green(`${found.tag} was found good, and what it was built into is there${gone}`);
    }
    if (withoutArtefact.length > 0) {
      return red(
        `${withoutArtefact.join(", ")} was good, but what it was built into is gone or changed`,
        `fiber deploy ${withoutArtefact[0]} builds it again`,
      );
    }
    return red(
      running === null
        ? "no release was ever found good here"
        : `no release but ${running}, which runs, was ever found good here`,
      "tag and deploy one: fiber release tag TAG, fiber deploy TAG",
    );
  });
  return item("release", title, verdict);
}

function signature({ target }: ReadyFacts): ReadyItem | null {
  if ("unknown" in target || target.value === null) return null;
  const { tag, signature: found } = target.value;
  const verdict =
    found.status === "good"
      ? green(`the signature of ${tag} verifies`)
      : found.status === "bad"
        ? red(
            `the signature of ${tag} is bad${found.why === null ? "" : `: ${found.why}`}`,
            `find out who moved it: fiber release verify ${tag}`,
          )
        : amber(
            `${tag} is ${found.status}${found.why === null ? "" : `: ${found.why}`}`,
            "set up a signing key, and the keys that are trusted (docs/hotfix.md)",
          );
  return item("signature", "Its tag's signature", verdict);
}

function backup({ backup: found, nowMs }: ReadyFacts): ReadyItem {
  const title = "A proven backup";
  const allowed = age(found.objectiveMs);
  const remedy = "fiber backup create, then fiber backup prove";
  if (found.provenMs === null) {
    return item("backup", title, red("no backup was ever proven", remedy));
  }
  const old = nowMs - found.provenMs;
  const words = `the newest proven backup is ${age(old)} old`;
  if (old > found.objectiveMs) {
    return item("backup", title, red(`${words}, more than ${allowed}`, remedy));
  }
  const [problem] = found.problems;
  return item("backup", title, problem === undefined ? green(words) : amber(problem, remedy));
}

function copy({ backup: found, nowMs }: ReadyFacts): ReadyItem {
  const remedy = "set FIBER_BACKUP_COPY_TO to a folder or a command, or: fiber backup copy";
  const verdict =
    found.copiedMs === null
      ? amber("no backup has a copy elsewhere: a lost disk takes them all", remedy)
      : nowMs - found.copiedMs > found.objectiveMs + COPY_GRACE_MS
        ? amber(`the newest copy elsewhere is ${age(nowMs - found.copiedMs)} old`, remedy)
        : green(`copied elsewhere ${age(nowMs - found.copiedMs)} ago`);
  return item("copy", "A copy elsewhere", verdict);
}

function archive({ archive: found }: ReadyFacts): ReadyItem {
  const verdict = judged(found, "start the stack: fiber up", (health) => {
    const last = health.ageS === null ? "" : `, last ${formatDuration(health.ageS)} ago`;
    if (health.light === "green") return green(`archiving works${last}`);
    const reason = health.reason ?? "the archive is not healthy";
    if (health.light === "red") return red(reason, "mend archive_command before the disk is full");
    return amber(reason, health.light === "off" ? "docs/backup.md, WAL archive" : "docs/backup.md");
  });
  return item("archive", "The WAL archive", verdict);
}

function waysDown({ waysDown: found }: ReadyFacts): ReadyItem {
  const verdict = judged(found, "fiber migrate check", ({ revisions, check, loss }) => {
    const list = revisions.join(", ");
    if (revisions.length === 0) return green("the schema is the one of the release to go back to");
    if (check.kind === "tampered") {
      return red(check.why, "go back with the data: fiber rollback --restore-data");
    }
    if (check.kind === "unrecorded") {
      return amber(
        `nothing outside the database vouches for the way down of ${check.revisions.join(", ")}`,
        "go back with the data: fiber rollback --restore-data",
      );
    }
    const lost = (loss?.items ?? []).filter((one) => one.rows !== 0);
    if (lost.length > 0) {
      const rows = lost.map((one) => `${one.revision} drops ${one.what} (${sayRows(one)})`);
      return amber(
        rows.join(", "),
        "go back with --restore-data, or accept the loss with --allow-loss",
      );
    }
    return green(`${list}: a way down that keeps every row`);
  });
  return item("ways-down", "Every migration's way down", verdict);
}

function disk({ disk: found }: ReadyFacts): ReadyItem {
  const verdict = judged(found, "start the stack: fiber up", ({ freeBytes, neededBytes }) => {
    const words = `${formatBytes(freeBytes)} free, a restore beside needs about ${formatBytes(neededBytes)}`;
    return freeBytes >= neededBytes
      ? green(words)
      : red(words, "free space, or let fiber backup prune remove old backups");
  });
  return item("disk", "Room for a restore beside", verdict);
}

function tools({ tools: found }: ReadyFacts): ReadyItem {
  const remedy = "install PostgreSQL's client programs 15 or 16, or set FIBER_PG_BIN";
  const verdict = judged(found, "start the stack: fiber up", (value) => {
    if ("problem" in value) return red(value.problem, remedy);
    const words = `PostgreSQL's ${value.client} for a server ${value.server}`;
    return value.setsUnknownTimeout
      ? amber(`${words}: they set what it does not know`, remedy)
      : green(words);
  });
  return item("tools", "Client programs", verdict);
}

function rights({ rights: found }: ReadyFacts): ReadyItem {
  const verdict = judged(found, "start the stack: fiber up", ({ user, superuser }) =>
    superuser
      ? green(`${user} may rename databases and end sessions`)
      : amber(
          `${user} is no superuser: code and schema can be taken back, data by the provider only`,
          "use the provider's own recovery for data",
        ),
  );
  return item("rights", "Rights to swap databases", verdict);
}

function lock({ lock: found, unfinished }: ReadyFacts): ReadyItem {
  const title = "Nothing else in the way";
  if (unfinished !== null && !unfinished.running) {
    const reason = `run ${unfinished.id} was begun and not ended`;
    const remedy = "fiber rollback resume, or fiber rollback abort";
    return item("lock", title, red(reason, remedy));
  }
  if (found.held === "yes") {
    return item("lock", title, red(found.by ?? "the lock is held", "wait for it: fiber runs list"));
  }
  return item(
    "lock",
    title,
    green(
      found.held === "stale" ? `${found.by}, and is gone: it is taken over` : "the lock is free",
    ),
  );
}

function rehearsal({ rehearsal: last, nowMs }: ReadyFacts): ReadyItem {
  const title = "The last time it was done";
  const remedy = "rehearse it in a quiet hour: fiber rollback, then fiber rollback undo";
  if (last === null) {
    return item("rehearsal", title, amber("no rollback was ever finished here", remedy));
  }
  const lost =
    last.sampleMinutes === null || last.sampleMinutes === 0
      ? "no sample was lost"
      : `${last.sampleMinutes} min of samples were lost`;
  const words = `${last.id} took ${formatDuration(last.durationMs / 1_000)} (RTO); ${lost} (RPO)`;
  const old = nowMs - last.endedMs;
  return item(
    "rehearsal",
    title,
    old > REHEARSAL_MS ? amber(`${words}, ${age(old)} ago`, remedy) : green(words),
  );
}

function contacts({ contacts: list }: ReadyFacts): ReadyItem {
  const open = list.filter((one) => isOpenContact(one.contact)).map((one) => one.role);
  const remedy = "write them into contacts of fiber.yaml";
  const verdict =
    list.length === 0
      ? amber("fiber.yaml names nobody to call", remedy)
      : open.length > 0
        ? amber(`still to be named: ${open.join(", ")}`, remedy)
        : green(list.map((one) => one.role).join(", "));
  return item("contacts", "Somebody to call", verdict);
}

function notify({ notify: found }: ReadyFacts): ReadyItem {
  const remedy = "set notify in fiber.yaml and its variables (docs/fiber-yaml.md)";
  const [problem] = found.unusable;
  const verdict =
    found.ways.length === 0
      ? amber(problem ?? "nobody would be told: fiber.yaml names no way", remedy)
      : problem === undefined
        ? green(found.ways.join(", "))
        : amber(problem, remedy);
  return item("notify", "People who are told", verdict);
}

/** A contact that nobody has filled in yet. */
export function isOpenContact(contact: string): boolean {
  return /^(tbd|todo|tba|n\/?a|none|\?+|-*)$/i.test(contact.trim());
}

function worst(items: readonly ReadyItem[]): Light {
  if (items.some((one) => one.light === "red")) return "red";
  return items.some((one) => one.light === "amber") ? "amber" : "green";
}

function summarise(facts: ReadyFacts, items: readonly ReadyItem[], light: Light): string {
  const titles = (wanted: Light) =>
    items
      .filter((one) => one.light === wanted)
      .map((one) => `${one.title.slice(0, 1).toLowerCase()}${one.title.slice(1)}`)
      .join(", ");
  const to = "value" in facts.target && facts.target.value !== null ? facts.target.value.tag : null;
  if (light === "red") return `Not now: ${titles("red")}.`;
  const where = to === null ? "" : ` to ${to}`;
  return light === "green" ? `Yes${where}.` : `Yes${where}, but look at: ${titles("amber")}.`;
}

const sayRows = ({ rows, estimated }: LossItem) =>
  rows === null ? "not counted" : `${estimated ? "about " : ""}${rows.toLocaleString("en")} rows`;
const age = (ms: number) => formatDuration(Math.max(0, ms) / 1_000);
