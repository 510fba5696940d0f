import { Command } from "commander";

/** `fiber contacts`: whom to call. */
export function contactsCommand(): Command {
  return new Command("contacts")
    .description("whom to call in an emergency, as fiber.yaml has it")
    .option("--json", "print the contacts as JSON")
    .addHelpText(
      "after",
      `
The list is "contacts" in fiber.yaml; docs/RUNBOOK_ROLLBACK.md shows the same one. A contact that
is still TBD makes fiber ready amber.

Example:
  fiber contacts`,
    )
    .action(async (options: { json?: boolean }) =>
      (await import("../actions/contacts.js")).showContacts(options),
    );
}
