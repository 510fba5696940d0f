import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { CHECKLIST, readProject, STEP_CATALOGUE } from "#rollback";
import { packageRoot } from "#runtime";
import { createProgram } from "./program.js";

const page = readFileSync(join(packageRoot, "docs", "RUNBOOK_ROLLBACK.md"), "utf8");

/** The lines between two markers of the page. */
function section(name: string): readonly string[] {
  const found = new RegExp(`<!-- ${name}:begin -->\\n([\\s\\S]*?)\\n<!-- ${name}:end -->`).exec(
    page,
  );
  if (found?.[1] === undefined) throw new Error(`docs/RUNBOOK_ROLLBACK.md has no part ${name}`);
  return found[1].split("\n");
}

/** Ids that a numbered step of the page names, by "scenario.step". */
function stepsOfPage(): Readonly<Record<string, readonly string[]>> {
  const found: Record<string, readonly string[]> = {};
  for (const [, place = "", ids = ""] of page.matchAll(
    /^### (\d\.\d) [^\n]+\n(?:<!-- steps: ([^\n]+) -->\n)?/gm,
  )) {
    found[place] = ids === "" ? [] : ids.split(" ");
  }
  return found;
}

describe("the page for people and the engine", () => {
  it("list the same steps, with the same titles, in the same order", () => {
    expect(section("catalogue")).toEqual([
      "| step | what it does | runbook |",
      "|---|---|---|",
      ...STEP_CATALOGUE.map(({ id, title, runbook }) => {
        const place = runbook === null ? "" : `${runbook.scenario}.${runbook.step}`;
        return `| \`${id}\` | ${title} | ${place} |`;
      }),
    ]);
  });

  it("put each step of the engine at the same step of the runbook", () => {
    const wanted: Record<string, string[]> = {
      "2.1": [],
      "2.2": [],
      "2.3": [],
      "2.4": [],
      "2.5": [],
      "3.1": [],
      "3.2": [],
      "3.3": [],
    };
    for (const { id, runbook } of STEP_CATALOGUE) {
      if (runbook !== null) wanted[`${runbook.scenario}.${runbook.step}`]?.push(id);
    }
    expect(stepsOfPage()).toEqual(wanted);
  });

  it("every step that the page names in words is one of the engine's", () => {
    const known = new Set<string>(STEP_CATALOGUE.map((step) => step.id));
    const named = [...page.matchAll(/<!-- steps: ([^\n]+) -->/g)].flatMap(([, ids = ""]) =>
      ids.split(" "),
    );
    for (const id of named) {
      expect(known).toContain(id);
      expect(page).toContain(`\`${id}\``);
    }
  });

  it("keep the same checklist and the contacts of fiber.yaml", () => {
    expect(section("checklist")).toEqual(
      CHECKLIST.map(({ id, title }) => `- [ ] ${title} \`${id}\``),
    );
    expect(section("contacts")).toEqual([
      "| Role | Contact |",
      "|---|---|",
      ...readProject(packageRoot).contacts.map((one) => `| ${one.role} | ${one.contact} |`),
    ]);
  });
});

/** The commands of the runbook that this page grew out of, word for word. */
const BY_HAND = [
  "git log --oneline -10",
  "git revert <bad_commit_hash>",
  "git push origin release/mvp",
  "git checkout v1.0.0-mvp",
  "git checkout -b hotfix/fix-description",
  "docker-compose -f fiber-deploy/docker-compose.dev.yml up -d",
  "curl http://localhost:8000/api/status",
  "git checkout release/mvp",
  "git cherry-pick <fixed_commit_hash>",
  'git tag -s v1.0.1-mvp -m "Hotfix: <description>"',
  "git push origin v1.0.1-mvp",
  "docker-compose -f fiber-deploy/docker-compose.dev.yml down",
  "ls -la backups/",
  "pg_restore --clean -h localhost -U postgres -d fiberstack backups/v1.0.0-mvp.dump",
  "curl http://localhost:8000/api/metrics | jq 'length'",
  "open http://localhost:4000",
  "docker exec fiber-api alembic current",
  "docker exec fiber-api alembic history",
  "docker exec fiber-api alembic downgrade -1",
  "docker exec fiber-api alembic upgrade head",
];

it.each(BY_HAND)("still has %s", (command) => {
  expect(page).toContain(command);
});

it("names no command and no option that fiber does not have", () => {
  const program = createProgram("0.0.0");
  const lines = [...page.matchAll(/\bfiber((?: [a-z][a-z-]+| --[a-z-]+)+)/g)].map(
    ([, words = ""]) => words.trim().split(" "),
  );
  expect(lines.length).toBeGreaterThan(15);
  for (const words of lines) expect(unknownWord(program, words)).toBeNull();
});

/** The first word that is no command, no option and no argument; null when all are known. */
function unknownWord(program: Command, words: readonly string[]): string | null {
  let command = program;
  for (const word of words) {
    if (word.startsWith("--")) {
      const known = [...command.options, ...(command.parent?.options ?? [])];
      if (!known.some((option) => option.long === word)) return `${command.name()} ${word}`;
      continue;
    }
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined && command.registeredArguments.length === 0) {
      return `${command.name()} ${word}`;
    }
    command = next ?? command;
  }
  return null;
}
