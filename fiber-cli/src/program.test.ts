import type { Command } from "commander";
import { expect, test } from "vitest";
import { EXIT, exitCodeFor } from "./exit-codes.js";
import { createProgram } from "./program.js";

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

test("every command explains itself", () => {
  for (const command of everyCommand(createProgram("1.2.3"))) {
    expect(command.description(), command.name()).toMatch(/\w{3}/);
    for (const option of command.options) expect(option.description, option.flags).not.toBe("");
  }
});

test("what changes something that cannot be taken back offers a dry run and --yes", () => {
  const commands = everyCommand(createProgram("1.2.3"));
  const destructive = ["down", "remove", "revoke", "downgrade"];
  const found = commands.filter((command) => destructive.includes(command.name()));
  expect(found).toHaveLength(5);
  for (const command of found) {
    const flags = command.options.map((option) => option.long);
    expect(flags, command.name()).toEqual(expect.arrayContaining(["--dry-run", "--yes", "--json"]));
  }
});

test("an unknown command is a usage error that says so", async () => {
  const program = createProgram("1.2.3").configureOutput({ writeErr: () => undefined });
  await expect(program.parseAsync(["node", "fiber", "stauts"])).rejects.toMatchObject({
    code: "commander.unknownCommand",
  });
});

test("error codes become exit codes; anything else is 1", () => {
  expect(exitCodeFor({ code: "STACK_RUNNING" })).toBe(EXIT.locked);
  expect(exitCodeFor({ code: "PORT_TAKEN" })).toBe(EXIT.refused);
  expect(exitCodeFor({ code: "CONFIG_INVALID" })).toBe(EXIT.usage);
  expect(exitCodeFor({ code: "ENOENT" })).toBe(EXIT.failed);
  expect(exitCodeFor(new Error("x"))).toBe(EXIT.failed);
  expect(exitCodeFor(null)).toBe(EXIT.failed);
});
