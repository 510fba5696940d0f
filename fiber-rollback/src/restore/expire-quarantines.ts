import type { Running } from "#runtime";
import type { DataPorts } from "../ports.js";
import { dropExpiredQuarantines } from "./quarantine.js";

const EVERY_MS = 3_600_000;

/** Drops quarantines whose time is over, now and every hour until it is stopped. */
export function startQuarantineExpiry(ports: DataPorts): Running {
  const ended = new AbortController();
  const run = async () => {
    while (!ended.signal.aborted) {
      await dropExpiredQuarantines(ports).catch((err: unknown) =>
        ports.log.warn({ err }, "expired quarantines could not be dropped; tried again in an hour"),
      );
      await ports.clock.sleep(EVERY_MS, ended.signal);
    }
  };
  const running = run();
  return {
    async stop() {
      ended.abort();
      await running;
    },
  };
}
