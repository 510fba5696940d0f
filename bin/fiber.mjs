#!/usr/bin/env node
// The `fiber` command: loads the built product. Roles are started through this file too. What
// switches releases runs from an engine in the state folder, never from what it switches.
import { existsSync } from "node:fs";
import { setFlagsFromString } from "node:v8";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`fiber needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(3);
}

const built = new URL("../dist/fiber-cli/src/", import.meta.url);
if (!existsSync(new URL("main.js", built))) {
  console.error(
    "fiber is not built yet: run `npm start`, or `npm run build`, in its folder first.",
  );
  process.exit(3);
}
// A probe makes little garbage and runs on small machines: V8's young generation stays small. It
// must be said before the first import, which would let it grow (104 MB resident instead of 81 with 1,000 targets).
if (process.argv[2] === "probe") setFlagsFromString("--semi-space-growth-factor=1");
let main = new URL("main.js", built).href;
if (process.argv[2] === "deploy" || process.argv[2] === "rollback") {
  const { chooseEngine } = await import(new URL("launcher/choose-engine.js", built).href);
  main = await chooseEngine(process.argv.slice(2));
}
// Null: there is no engine to run it, which has been said.
if (main !== null) await import(main);
