import { isOpenContact } from "#rollback";
import { findProject, findRepositoryIfAny } from "../find-project.js";
import { locateStack } from "../stack-access.js";
import { formatTable, paint, printResult } from "../terminal.js";

/** `fiber contacts`. */
export async function showContacts({ json = false }: { json?: boolean }): Promise<void> {
  const { stateDir } = await locateStack();
  const { contacts } = findProject(await findRepositoryIfAny(), stateDir);
  printResult(json, contacts, () =>
    contacts.length === 0
      ? "fiber.yaml names nobody. Add them under contacts: docs/fiber-yaml.md."
      : formatTable([
          ["ROLE", "CONTACT"],
          ...contacts.map(({ role, contact }) => [
            role,
            isOpenContact(contact) ? paint("yellow", `${contact} (still to be named)`) : contact,
          ]),
        ]),
  );
}
