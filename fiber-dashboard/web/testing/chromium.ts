import { type Browser, chromium } from "playwright-core";

/** Starts the system's Chromium (`CHROMIUM_PATH`, else /usr/bin/chromium) so that it calls nobody. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
    args: [
      // Root, in containers, gets no sandbox.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
