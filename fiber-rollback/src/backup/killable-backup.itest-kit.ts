// Takes one backup, in a process of its own that the test kills.
import process from "node:process";
import { testPorts } from "../data.itest-kit.js";
import { createBackup } from "./create-backup.js";

const [url = "", stateDir = ""] = process.argv.slice(2);
await createBackup(testPorts(url, stateDir), { tag: "killed" });
