// Builds a tag in a process of its own, to be killed. Arguments: state folder, repository, tag, commit.
import { createGit } from "../../git/run-git.js";
import { createProcessDriver } from "./process-driver.js";

const [stateDir = "", repository = "", tag = "", commit = ""] = process.argv.slice(2);
const driver = createProcessDriver({ stateDir, git: createGit(repository) });
await driver.prepare(tag, commit, ({ phase, line }) => {
  process.stdout.write(`${phase}: ${line ?? ""}\n`);
});
process.stdout.write("built\n");
