import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { makeStateFolder, packageRoot, stateFolder } from "#runtime";
import { exitCodeFor } from "../exit-codes.js";
import { enginesFolder, keepEngine, openEngine } from "./engine-folder.js";

/** Engines that are kept although no run needs them. */
const KEPT = 2;

/**
 * Decides which engine's code runs `fiber deploy` and `fiber rollback`: the one that began the
 * unfinished run, else a copy of this one in the state folder. Questions (help, a dry run, a list)
 * are answered from where the command lies. Prints an error and sets the exit code.
 *
 * @param args behind `fiber`
 * @returns the URL of the main module to import; null when it failed
 */
export async function chooseEngine(args: readonly string[]): Promise<string | null> {
  try {
    const root = (await engineRoot(args)) ?? packageRoot;
    return pathToFileURL(join(root, "dist", "fiber-cli", "src", "main.js")).href;
  } catch (err) {
    process.stderr.write(`fiber: ${(err as Error).message}\n`);
    process.exitCode = exitCodeFor(err);
    return null;
  }
}

/** Options and subcommands that begin nothing. */
const QUESTIONS = ["--help", "-h", "help", "--dry-run", "status"];

/** The product's folder in the engine that is to run this; null for the one that lies here. */
export async function engineRoot(args: readonly string[]): Promise<string | null> {
  if (args.some((arg) => QUESTIONS.includes(arg))) return null;
  const stateDir = await stateFolder();
  // An engine lies in no clone: it would find another state folder.
  process.env.FIBER_STATE_DIR = stateDir;
  process.env.FIBER_LAUNCHED_FROM ||= packageRoot;
  const goesOn = args[0] === "rollback" && (args[1] === "resume" || args[1] === "abort");
  const other = args.some((arg) => arg.startsWith("--other-engine"));
  const began = goesOn && !other ? await unfinishedEngine(stateDir) : null;
  if (began !== null) {
    const root = await openEngine(stateDir, began);
    // Without it the command itself says what is missing and what to do.
    if (root !== null) return root;
  }
  makeStateFolder(stateDir);
  const own = await keepEngine(stateDir, packageRoot);
  await forgetEngines(stateDir, own.id);
  return join(enginesFolder(stateDir), own.id, own.root);
}

/** The engine that began the newest run without an end, whatever its format; null for none. */
async function unfinishedEngine(stateDir: string): Promise<string | null> {
  return (await runEngines(stateDir)).find(({ ended }) => !ended)?.engine ?? null;
}

/** Engine and end of each run that began, newest first. Only what every format keeps is read. */
async function runEngines(stateDir: string) {
  const folder = join(stateDir, "runs");
  const runs: { readonly engine: string; readonly ended: boolean }[] = [];
  for (const id of (await readdir(folder).catch(() => [])).sort().reverse()) {
    const journal = await readFile(join(folder, id, "journal.jsonl"), "utf8").catch(() => "");
    const plan = await readFile(join(folder, id, "plan.json"), "utf8").catch(() => "");
    const engine = /"engine":\s*"([0-9A-Za-z.+-]+)"/.exec(plan)?.[1];
    if (engine === undefined || !journal.includes("\n")) continue;
    runs.push({ engine, ended: /"event":"end"[^\n]*\n[^\n]*$/.test(journal) });
  }
  return runs;
}

/** Removes engines that no unfinished run needs, but for the newest ones. */
async function forgetEngines(stateDir: string, own: string): Promise<void> {
  const runs = await runEngines(stateDir);
  const needed = new Set([own, ...runs.filter(({ ended }) => !ended).map(({ engine }) => engine)]);
  const folder = enginesFolder(stateDir);
  const ids = (await readdir(folder)).filter((name) => !name.endsWith(".partial"));
  const described = await Promise.all(
    ids.map(async (id) => {
      const text = await readFile(join(folder, id, "engine.json"), "utf8").catch(() => "");
      return { id, createdAt: /"createdAt":\s*"([^"]+)"/.exec(text)?.[1] ?? "" };
    }),
  );
  const newestFirst = described.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  for (const { id } of newestFirst.filter((one) => !needed.has(one.id)).slice(KEPT)) {
    await rm(join(folder, id), { recursive: true, force: true });
  }
}
