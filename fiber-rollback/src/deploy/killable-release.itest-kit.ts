// Plans and runs a deploy, a rollback or an undo of a sample app, or goes on with one; killed by its
// own chaos point. Arguments: the world as JSON, what to do, the request as JSON.

import { openSampleWorld } from "./open-sample-world.itest-kit.js";
import {
  planDeployOf,
  planRollbackOf,
  planUndoOf,
  resumeRelease,
  runRelease,
} from "./run-releases.js";

const [about = "", what = "", request = "{}"] = process.argv.slice(2);
const world = openSampleWorld({ ...JSON.parse(about), report: () => undefined });
const asked = JSON.parse(request);
const observe = (event: { readonly event: string; readonly step?: string }) => {
  process.stdout.write(`${event.event}:${event.step ?? ""}\n`);
};

const run = async () => {
  switch (what) {
    case "deploy":
      return await runRelease(world, await planDeployOf(world, asked), { observe });
    case "rollback":
      return await runRelease(world, await planRollbackOf(world, asked), { observe });
    case "undo":
      return await runRelease(world, await planUndoOf(world, asked), { observe });
    default:
      return await resumeRelease(world, { observe });
  }
};
try {
  process.stdout.write(`state:${(await run()).state}\n`);
} catch (err) {
  // Killed right behind its last line: there is nothing left to go on with.
  if ((err as { code?: string }).code !== "RUN_NOT_FOUND") throw err;
}
