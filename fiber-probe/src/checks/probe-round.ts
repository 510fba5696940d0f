import type { WorkerTarget } from "../config/target.js";
import { probeDns } from "./dns.js";
import { probeHttp } from "./http.js";
import type { Outcome } from "./outcome.js";
import { probeTcp } from "./tcp.js";
import { probeTls } from "./tls.js";

/**
 * Sends `count` probes, one each `periodMs`, as ping does: the next goes whether or not the last
 * has been answered. Outcomes are in the order sent.
 */
export function probeRound(target: WorkerTarget, periodMs: number): Promise<readonly Outcome[]> {
  const probes = Array.from({ length: target.count }, async (_, i) => {
    if (i > 0) await new Promise((resolve) => setTimeout(resolve, i * periodMs));
    return probeOnce(target);
  });
  return Promise.all(probes);
}

/** One probe of any kind; every expected end is a value. */
function probeOnce(target: WorkerTarget): Promise<Outcome> {
  switch (target.check) {
    case "tcp":
      return probeTcp(target);
    case "http":
      return probeHttp(target);
    case "dns":
      return probeDns(target);
    case "tls":
      return probeTls(target);
  }
}
