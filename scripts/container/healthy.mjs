// The image's health check: asks the role that is process 1 over HTTP where it listens; a role
// without a port is healthy while it runs and nothing keeps it from running.
import { existsSync, readFileSync } from "node:fs";

const TROUBLE = "/tmp/fiber/trouble";
const [role = ""] =
  readFileSync("/proc/1/cmdline", "utf8").split("/entry.mjs\0")[1]?.split("\0") ?? [];
const urls = {
  api: `http://127.0.0.1:${process.env.FIBER_API_PORT || 8000}/health`,
  dashboard: `http://127.0.0.1:${process.env.FIBER_DASHBOARD_PORT || 4000}/`,
};

if (existsSync(TROUBLE)) fail(readFileSync(TROUBLE, "utf8"));
const url = urls[role];
if (url !== undefined) {
  try {
    const { status } = await fetch(url, { signal: AbortSignal.timeout(4_000) });
    if (status !== 200) fail(`${url} answers ${status}`);
  } catch (err) {
    fail(`${url} does not answer: ${err.cause?.message ?? err.message}`);
  }
}

function fail(reason) {
  console.error(reason.trim());
  process.exit(1);
}
