// Does one piece of work on backups, in a process of its own that the test kills.
import process from "node:process";
import { testPorts } from "../data.itest-kit.js";
import { createBase } from "../wal/create-base.js";
import { copyBackup } from "./copy-backup.js";
import { createBackup } from "./create-backup.js";
import { findBackup } from "./list-backups.js";
import { proveBackup } from "./prove-backup.js";

const [url = "", stateDir = "", what = "", path = "", destination = ""] = process.argv.slice(2);
const ports = testPorts(url, stateDir);
if (what === "create") await createBackup(ports, { tag: "killed" });
if (what === "prove") await proveBackup(ports, { path });
if (what === "copy") await copyBackup(ports, await findBackup(stateDir, path), destination);
if (what === "base") await createBase(ports);
