import { rmSync } from "node:fs";
import { AxeBuilder } from "@axe-core/playwright";
import { pino } from "pino";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "#runtime";
import { requireTool } from "#testkit";
import { buildWeb } from "../web/testing/build-web.js";
import { launchChromium } from "../web/testing/chromium.js";
import { type RecordedApi, startRecordedApi } from "../web/testing/recorded-api.js";
import { recordedNodes, recordedRounds } from "../web/testing/recorded-fleet.js";
import { dashboardConfigSchema } from "./config.js";
import { startDashboard } from "./start-dashboard.js";

/** How far the page and the table reach beyond their boxes, in px; runs in the browser. */
const OVERFLOW = `[document.documentElement, document.querySelector("#inventory table").parentElement]
  .map((box) => box.scrollWidth - box.clientWidth)`;

describe.skipIf(!requireTool("chromium"))("the dashboard in a browser", () => {
  let api: RecordedApi;
  let dashboard: Awaited<ReturnType<typeof startDashboard>>;
  let browser: Browser;
  let webFolder: string;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    webFolder = await buildWeb();
    api = await startRecordedApi("trouble");
    const env = { FIBER_DASHBOARD_PORT: "0", FIBER_API_URL: api.url };
    const config = loadConfig(dashboardConfigSchema, env);
    dashboard = await startDashboard({ config, log: pino({ level: "silent" }), webFolder });
    browser = await launchChromium();
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    await dashboard?.stop();
    await api?.stop();
    if (webFolder) rmSync(webFolder, { recursive: true });
  });
  afterEach(() => context?.close());

  const problems: string[] = [];
  async function open(
    path = "/",
    options: { width?: number; height?: number; scheme?: "dark" | "light" } = {},
  ): Promise<void> {
    const { width = 1280, height = 900, scheme = "dark" } = options;
    context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
    page = await context.newPage();
    page.setDefaultTimeout(20_000);
    problems.length = 0;
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(error.message));
    await page.goto(`http://localhost:${dashboard.port}${path}`);
  }
  const rows = () => page.locator("#inventory tbody tr[data-probe]");
  const panel = () => page.getByTestId("node-panel");
  const markers = () => page.locator("[data-marker]");

  it("shows posture, map, problems, figures, chart and inventory, and breaks no rule", async () => {
    api.show("trouble");
    await open();
    await page.getByTestId("posture").getByText("CONTESTED").waitFor();
    await page.getByText("probe-ng-lagos: Lagos demo target loss 3.1 %").first().waitFor();
    await rows().first().waitFor();
    expect(await rows().count()).toBe(recordedNodes("trouble", 0).length);
    await markers().first().waitFor();
    await page.locator("#trend canvas").waitFor();
    await page.getByTestId("live-mark").getByText(/^live/).waitFor();
    expect(await page.locator("#problems li").count()).toBe(4);
    await page.getByText("99.38").waitFor();
    // A breach of the content policy would be among these.
    expect(problems).toEqual([]);
  });

  it("sorts by a column, says so in the address, and goes back", async () => {
    await open();
    await rows().first().waitFor();
    expect(await rows().first().getAttribute("data-state")).toBe("DOWN");
    await page.getByRole("button", { name: "Latency", exact: true }).click();
    await page.waitForURL(/sort=latency/);
    await page.mouse.move(0, 0);
    expect(await rows().first().getAttribute("data-probe")).toBe("probe-eg-cairo");
    await page.goBack();
    await page.waitForURL((url) => !url.search.includes("sort"));
    expect(await rows().first().getAttribute("data-state")).toBe("DOWN");
  });

  it("works by keyboard: search, rows, panel, and back to the row", async () => {
    await open();
    await rows().first().waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("probe-ng");
    await page.waitForURL(/q=probe-ng/);
    await expect.poll(() => rows().count()).toBe(2);
    await page.locator("[data-row='0']").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await panel().getByText("probe-ng-lagos").first().waitFor();
    await page.waitForURL(/node=probe-ng-lagos/);
    await panel().getByText("http://127.0.0.1:4702/health").waitFor();
    await page.keyboard.press("Escape");
    await panel().waitFor({ state: "detached" });
    const focused = () => page.evaluate("document.activeElement?.textContent");
    expect(await focused()).toBe("probe-ng-lagos");
  });

  it("opens a probe from the map by keyboard, and shows one target in the chart", async () => {
    await open();
    await markers().first().waitFor();
    await page.locator("[data-marker='probe-fr-paris']").focus();
    await page.keyboard.press("Enter");
    await panel().getByText("probe-fr-paris").first().waitFor();
    await panel()
      .getByRole("button", { name: /172\.17\.0\.1/ })
      .click();
    await page.waitForURL(/target=icmp/);
    await page.getByRole("group", { name: /probe-fr-paris → 172\.17\.0\.1/ }).waitFor();
  });

  it("skips to the content, and reads single points of the chart by arrow keys", async () => {
    await open();
    await page.locator("#trend canvas").waitFor();
    await page.keyboard.press("Tab");
    const focused = () => page.evaluate("document.activeElement?.textContent");
    expect(await focused()).toBe("Skip to the content");
    await page.locator("#trend [role=group][tabindex='0']").focus();
    const read = () => page.locator("#trend p[aria-live]").innerText();
    const newest = await read();
    for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowLeft");
    await expect.poll(read).not.toBe(newest);
  });

  it("narrows to a region everywhere", async () => {
    await open("/?region=Accra");
    await rows().first().waitFor();
    expect(await rows().count()).toBe(2);
    await page.locator("#problems").getByText("Nothing needs a look").waitFor();
    await expect.poll(() => markers().count()).toBeLessThanOrEqual(2);
  });

  it("changes theme and language, and keeps both", async () => {
    await open("/", { scheme: "dark" });
    await rows().first().waitFor();
    const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    expect(await ground()).toBe("rgb(13, 17, 23)");
    await page.getByRole("button", { name: "Language and theme" }).click();
    await page.getByRole("menuitemradio", { name: "Light" }).click();
    await expect.poll(ground).toBe("rgb(246, 248, 250)");
    await page.getByRole("button", { name: "Language and theme" }).click();
    await page.getByRole("menuitemradio", { name: "Français" }).click();
    await page.getByRole("heading", { name: "Inventaire" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Inventaire" }).waitFor();
    expect(await page.evaluate("document.documentElement.lang")).toBe("fr");
    expect(await ground()).toBe("rgb(246, 248, 250)");
    expect(problems).toEqual([]);
  });

  it("takes live events into what is shown", async () => {
    await open();
    await rows().first().waitFor();
    await expect.poll(() => api.streams()).toBeGreaterThan(0);
    const [accra] = recordedRounds("trouble", Date.now() + 60_000);
    if (accra === undefined) throw new Error("the recorded fleet is empty");
    api.send({ event: "samples", data: [{ ...accra, latency_ms: 123.4 }] });
    await page.locator("[data-probe='probe-gh-accra']").getByText("123").waitFor();
    const posture = { posture: "COMPROMISED", since: new Date().toISOString() } as const;
    api.send({ event: "posture", data: { ...posture, reason: "probe-sn-dakar: silent" } });
    await page.getByTestId("posture").getByText("COMPROMISED").waitFor();
  });

  it("reads one stream for all tabs, and the next tab takes over", async () => {
    await open();
    await page.getByTestId("live-mark").getByText(/^live/).waitFor();
    const second = await context.newPage();
    await second.goto(page.url());
    await second.getByTestId("live-mark").getByText(/^live/).waitFor();
    expect(api.streams()).toBe(1);
    await page.close();
    const row = second.locator("[data-probe='probe-gh-accra']");
    // Sent until it is heard: the old tab's stream lingers for a moment.
    const sendAndRead = () => {
      const [accra] = recordedRounds("trouble", Date.now() + 120_000);
      if (accra === undefined) throw new Error("the recorded fleet is empty");
      api.send({ event: "samples", data: [{ ...accra, latency_ms: 321 }] });
      return row.innerText();
    };
    await expect.poll(sendAndRead, { timeout: 40_000, interval: 500 }).toContain("321");
    expect(api.streams()).toBe(1);
  });

  it("says that it is stale when the API fails, keeps what it has, and recovers", async () => {
    await open("/?scope=15m");
    await page.getByTestId("live-mark").getByText(/^live/).waitFor();
    await rows().first().waitFor();
    api.show("broken");
    try {
      await page
        .getByTestId("live-mark")
        .getByText(/last update .* ago, reconnecting/)
        .waitFor();
      const notice = page.getByTestId("connection-notice");
      await notice.getByText("DATABASE_UNAVAILABLE").waitFor({ timeout: 40_000 });
      await notice.getByText("Request req-recorded").waitFor();
      expect(await rows().count()).toBe(recordedNodes("trouble", 0).length);
    } finally {
      api.show("trouble");
    }
    await page.getByTestId("live-mark").getByText(/^live/).waitFor({ timeout: 60_000 });
    await page.getByTestId("connection-notice").waitFor({ state: "detached", timeout: 60_000 });
  }, 180_000);

  it("shows errors in place when nothing could be read", async () => {
    api.show("broken");
    try {
      await open();
      const alert = page.locator("#inventory [role=alert]");
      await alert.getByText("The database does not answer.").waitFor({ timeout: 40_000 });
      await alert.getByText("Request req-recorded").waitFor();
      await page.getByTestId("posture").getByText("UNKNOWN").waitFor();
    } finally {
      api.show("trouble");
    }
  });

  it("says what makes probes appear when there are none", async () => {
    api.show("empty");
    try {
      await open();
      await page.getByText("No probe has reported yet").waitFor();
      await page.getByText("npm start").waitFor();
    } finally {
      api.show("trouble");
    }
  });

  it("keeps only the rows in view of a large fleet, and walks to the last", async () => {
    api.show("large");
    try {
      await open("/inventory?sort=probe");
      await rows().first().waitFor();
      expect(await rows().count()).toBeLessThan(60);
      await page.locator("[data-row='0']").focus();
      await page.keyboard.press("End");
      await page.locator("[data-probe='probe-0599']").waitFor();
      const focused = () => page.evaluate("document.activeElement?.textContent");
      await expect.poll(focused).toBe("probe-0599");
    } finally {
      api.show("trouble");
    }
  });

  describe.each(["dark", "light"] as const)("%s", (scheme) => {
    it.each([
      ["/", 1280],
      ["/?node=probe-ng-abuja&chart=probe-ng-abuja", 1280],
      ["/?node=probe-ng-abuja", 360],
      ["/inventory", 1280],
    ])("%s at %d px gives axe nothing to complain about", async (path, width) => {
      await open(path, { width, scheme });
      await rows().first().waitFor({ state: "attached" });
      await page.waitForTimeout(500);
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([]);
    });
  });

  it.each([360, 768, 1280, 2560])("fits %d px without scrolling sideways", async (width) => {
    for (const path of ["/", "/inventory", "/?node=probe-ng-abuja&chart=probe-ng-abuja"]) {
      await open(path, { width });
      await rows().first().waitFor({ state: "attached" });
      await page.waitForTimeout(300);
      const overflow = await page.evaluate(OVERFLOW);
      expect(overflow, path).toEqual([0, 0]);
      await context.close();
    }
  });
});
