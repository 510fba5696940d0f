#!/usr/bin/env node
// The `fiber` command: loads the built product. Roles are started through this file too.
import { existsSync } from "node:fs";
import { setFlagsFromString } from "node:v8";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`fiber needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(3);
}

const main = new URL("../dist/fiber-cli/src/main.js", import.meta.url);
if (!existsSync(main)) {
  console.error(
    "fiber is not built yet: run `npm start`, or `npm run build`, in its folder first.",
  );
  process.exit(3);
}
// A probe makes little garbage and runs on small machines: V8's young generation stays small. It
// must be said before the first import, which would let it grow (104 MB resident instead of 81 with 1,000 targets).
if (process.argv[2] === "probe") setFlagsFromString("--semi-space-growth-factor=1");
await import(main.href);
