import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FiberError } from "#contracts";
import { dashboardConfigSchema, startDashboard } from "#dashboard";
import { type Logger, loadConfig, systemClock } from "#runtime";
import { requireTool } from "#testkit";
import { buildWeb } from "../../fiber-dashboard/web/testing/build-web.js";
import { launchChromium } from "../../fiber-dashboard/web/testing/chromium.js";
import { agentReadiness } from "./agent-readiness.js";
import { serveAgent } from "./agent-server.js";
import { createReadAccess } from "./read-access.js";
import { runRoutes } from "./run-routes.js";
import { runTestSteps, testStep } from "./run-steps.itest-kit.js";

const log = pino({ level: "silent" }) as Logger;
/** Longer than a phone is wide, without a blank to break at. */
const LONG_NAME = "table_that_was_dropped_".repeat(5);
/** How far the page reaches beyond the window, and its texts beyond their panels, in px. */
const OVERFLOW = `[
  document.documentElement.scrollWidth - document.documentElement.clientWidth,
  ...["#runs", "#readiness"].map((panel) => {
    const box = document.querySelector(panel);
    const texts = document.createRange();
    texts.selectNodeContents(box);
    const right = Math.max(...[...texts.getClientRects()].map((rect) => rect.right));
    return Math.max(0, Math.round(right - box.getBoundingClientRect().right));
  }),
]`;

describe.skipIf(!requireTool("chromium"))("the recovery page while the API is away", () => {
  let root: string;
  let stateDir: string;
  let webFolder: string;
  let agent: Awaited<ReturnType<typeof serveAgent>>;
  let dashboard: Awaited<ReturnType<typeof startDashboard>>;
  let browser: Browser;

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "fiber-recovery-"));
    stateDir = join(root, "state");
    mkdirSync(stateDir);
    webFolder = await buildWeb();
    const socket = join(root, "agent.sock");
    const about = { stateDir, log, clock: systemClock };
    const access = createReadAccess({ anonymous: "viewer-on-loopback", tokens: () => null });
    const readiness = () => agentReadiness({ ...about, data: () => null });
    agent = await serveAgent(socket, runRoutes({ ...about, readiness, access }));
    dashboard = await startDashboard({
      ...{ log, webFolder },
      config: loadConfig(dashboardConfigSchema, {
        FIBER_DASHBOARD_PORT: "0",
        // Nobody listens there: the API is what is being rolled back.
        FIBER_API_URL: "http://127.0.0.1:1",
        FIBER_AGENT_SOCKET: socket,
      }),
    });
    browser = await launchChromium();
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await dashboard?.stop();
    await agent?.close();
    for (const folder of [root, webFolder]) if (folder) rmSync(folder, { recursive: true });
  });

  afterEach(() => rmSync(join(stateDir, "runs"), { recursive: true, force: true }));

  async function open(width: number): Promise<Page> {
    const page = await browser.newPage({ viewport: { width, height: 800 } });
    page.setDefaultTimeout(30_000);
    await page.goto(`http://localhost:${dashboard.port}/recovery`);
    return page;
  }
  /** The shown run's steps as "id: state", from top to bottom. */
  const stepsOf = (page: Page) =>
    page
      .locator("#runs ol > li")
      .evaluateAll((items) =>
        items.map((item) => `${item.querySelector("[lang]")?.textContent}: ${item.dataset.state}`),
      );

  it.each([1280, 360])("shows a run step by step to its failure, at %d px", async (width) => {
    const page = await open(width);
    const api = await page.request.get(`http://localhost:${dashboard.port}/api/nodes`);
    expect(api.status()).toBeGreaterThanOrEqual(500);
    let fail = () => {};
    const failing = new Promise<void>((_, reject) => {
      fail = () => reject(new FiberError("VERIFY_FAILED", `v1.0.0 was not verified: ${LONG_NAME}`));
    });
    const steps = [testStep("preflight"), testStep("switch"), testStep("verify", () => failing)];
    const run = runTestSteps({ stateDir, log }, [...steps, testStep("report")]);
    const shownWhile = (verify: string) => [
      "Check that the run can be done: done",
      "Switch to the release: done",
      `Verify by the probes: ${verify}`,
      "Open the incident and notify: waiting",
    ];
    try {
      await expect.poll(() => stepsOf(page), { timeout: 30_000 }).toEqual(shownWhile("running"));
      expect(await page.evaluate(OVERFLOW)).toEqual([0, 0, 0]);
    } finally {
      fail();
      await expect(run).rejects.toMatchObject({ code: "VERIFY_FAILED" });
    }
    await expect.poll(() => stepsOf(page), { timeout: 30_000 }).toEqual(shownWhile("failed"));
    await page.locator("#runs").getByText(LONG_NAME).first().waitFor();
    await page.locator("#runs").getByText("fiber rollback resume", { exact: true }).waitFor();
    await page.locator("#readiness li").first().waitFor();
    expect(await page.evaluate(OVERFLOW)).toEqual([0, 0, 0]);
    // Whoever comes now finds the same.
    await page.reload();
    await expect.poll(() => stepsOf(page), { timeout: 30_000 }).toEqual(shownWhile("failed"));
    await page.close();
  });
});
