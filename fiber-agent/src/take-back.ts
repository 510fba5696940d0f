import type { RoleProcess } from "./role-process.js";
import type { RoleSpec } from "./role-spec.js";
import type { SwitchDeps } from "./switch-parts.js";

/** Starts what ran before in place of what replaced it; what was stopped before stays stopped. */
export async function takeBack(
  {
    before,
    held,
    due,
  }: {
    readonly before: ReadonlyMap<string, RoleProcess>;
    readonly held: ReadonlySet<string>;
    readonly due: readonly RoleSpec[];
  },
  { roles, remake, from, log, say }: SwitchDeps,
): Promise<string> {
  const down: string[] = [];
  for (const { name } of due) {
    const old = before.get(name);
    const now = roles.get(name);
    if (now === undefined || now === old) continue;
    await now.stop();
    if (old === undefined) {
      roles.delete(name);
      continue;
    }
    const again = remake(old);
    roles.set(name, again);
    if (held.has(name)) continue;
    await again.insist().catch((err: Error) => {
      log.error({ err, role: name }, "role of the release before did not start again");
      down.push(name);
    });
  }
  const verdict =
    down.length === 0
      ? `${from} runs again.`
      : `${from} is started again; ${down.join(", ")} did not come up at once and is tried further.`;
  say(`switch taken back: ${verdict}`);
  return verdict;
}
