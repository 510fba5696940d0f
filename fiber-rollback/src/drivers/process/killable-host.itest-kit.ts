// Runs the role host of a state folder in a process of its own, to be killed. Argument: the folder.
import { startAppHost } from "#agent";
import { createLogger, systemClock } from "#runtime";

const [stateDir = ""] = process.argv.slice(2);
await startAppHost({
  stateDir,
  log: createLogger({ role: "host", level: "silent" }),
  clock: systemClock,
  say: (line) => process.stdout.write(`${line}\n`),
});
process.stdout.write("up\n");
