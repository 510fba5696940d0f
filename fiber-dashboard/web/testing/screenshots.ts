import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launchChromium } from "./chromium.js";

/**
 * Takes pictures of a running dashboard, dark and light, at the widths that the design names.
 * Usage: node --import tsx fiber-dashboard/web/testing/screenshots.ts URL FOLDER [PATH...]
 */
const [url = "http://localhost:4000", folder = "screenshots", ...paths] = process.argv.slice(2);

const SIZES = [
  [360, 740],
  [768, 1024],
  [1280, 800],
  [1920, 1080],
  [2560, 1440],
] as const;

mkdirSync(folder, { recursive: true });
const only = process.env.WIDTHS?.split(",").map(Number);
const browser = await launchChromium();
try {
  for (const scheme of ["dark", "light"] as const) {
    for (const [width, height] of SIZES.filter(([each]) => only?.includes(each) ?? true)) {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme });
      for (const path of paths.length > 0 ? paths : ["/"]) {
        await page.goto(new URL(path, url).href);
        await page.locator("[data-testid=posture]").waitFor();
        await page.locator("[data-row], [role=alert]").first().waitFor({ timeout: 10_000 });
        await page.waitForTimeout(1_500);
        const name = path.replace(/[^a-z0-9]+/gi, "-").replace(/^-|-$/g, "") || "overview";
        const file = join(folder, `${name}-${width}-${scheme}.png`);
        await page.screenshot({ path: file, fullPage: true });
        console.log(file);
      }
      await page.close();
    }
  }
} finally {
  await browser.close();
}
