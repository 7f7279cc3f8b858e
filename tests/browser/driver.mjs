// Drives Chromium through one scenario: node driver.mjs SCENARIO BASE_URL SCREENSHOT_DIR.
// It says `step NAME` on stdout and waits for a line on stdin where the test must act in between.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { check } from "./kit.mjs";
import { scenarios as ofAttacks } from "./attack.mjs";
import { scenarios as ofDownloads } from "./downloads.mjs";
import { scenarios as ofLibrary } from "./library.mjs";
import { scenarios as ofPage } from "./page.mjs";
import { scenarios as ofSearch } from "./search.mjs";
import { launch } from "./chromium.mjs";

const [scenario, base, shots] = process.argv.slice(2);
const scenarios = { ...ofAttacks, ...ofDownloads, ...ofLibrary, ...ofPage, ...ofSearch };
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const rebound = "--host-resolver-rules=MAP rebound.evil.example 127.0.0.1";
const browser = await (scenario === "attack-rebinding" ? launch(rebound) : launch());
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
// Not through the page: its policy would rightly refuse an inline script.
await context.addInitScript(axe);
// In which browser the scenario is.
if (/^(tabs-lock|tabs-own|sleep|hidden)$/.test(scenario))
  await context.addInitScript(() => delete globalThis.SharedWorker);
if (scenario === "tabs-own")
  await context.addInitScript(() => Object.defineProperty(navigator, "locks", { value: undefined }));
const page = await context.newPage();
const complaints = [];
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("console", (message) => {
  // Chromium logs every answer that is an error by itself; a page cannot prevent that.
  if (scenario.startsWith("attack-")) return; // what is refused is complained of, and shall be
  if (["error", "warning"].includes(message.type()) && !message.text().startsWith("Failed to load resource"))
    complaints.push(message.text());
});
try {
  await page.goto(base);
  await scenarios[scenario](page, context);
  check(complaints.length === 0, `the console says: ${complaints.join(" | ")}`);
  console.log("ok");
} catch (error) {
  await page.screenshot({ path: `${shots}/failed-${scenario}.png`, fullPage: true });
  console.log(`failed ${error.stack}`);
  process.exitCode = 1;
} finally {
  await browser.close();
  process.exit();
}
