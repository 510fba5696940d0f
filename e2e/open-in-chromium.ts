// Stands in for `open URL` of the runbook: renders the page in Chromium, waits until it shows every
// node given in EXPECTED_NODES, and prints what the page says.
import { chromium } from "playwright-core";

const url = process.argv[2] ?? "";
const expected = (process.env.EXPECTED_NODES ?? "").split(",").filter((node) => node !== "");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
});
try {
  const page = await browser.newPage();
  const answer = await page.goto(url);
  if (answer?.status() !== 200) throw new Error(`${url} answered ${answer?.status()}`);
  for (const node of expected) {
    // The map's markers carry the names as titles, which nobody sees.
    const shown = page.getByText(node).filter({ visible: true });
    await shown.first().waitFor({ timeout: 60_000 });
  }
  console.log(await page.locator("body").innerText());
} finally {
  await browser.close();
}
