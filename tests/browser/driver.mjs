// Drives Chromium through one scenario: node driver.mjs SCENARIO BASE_URL SCREENSHOT_DIR.
// It says `step NAME` on stdout and waits for a line on stdin where the test must act in between.
// Nothing sleeps: every wait is for something on the page.
import { chromium } from "playwright-core";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const [scenario, base, shots] = process.argv.slice(2);
const TERM = "acme/tiny-7b-GGUF:Q4_K_M";
const TIMEOUT = 60_000;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Tells the test where we are and waits until it has acted. */
async function step(name) {
  console.log(`step ${name}`);
  await lines.next();
}

function check(condition, text) {
  if (!condition) throw new Error(text);
}

const row = (page) => page.getByTestId("download").first();
const state = (page, ...names) =>
  page.waitForFunction(
    (wanted) => wanted.includes(document.querySelector('[data-testid="download"]')?.getAttribute("data-state")),
    names,
    { timeout: TIMEOUT },
  );
const live = (page) => page.locator('[data-testid="connection"][data-state="live"]').waitFor({ timeout: TIMEOUT });

async function paste(page, text) {
  await page.getByTestId("paste").fill(text);
  await page.getByTestId("start").and(page.locator(":enabled")).waitFor({ timeout: TIMEOUT });
}

async function start(page) {
  await page.getByTestId("start").click();
  await row(page).waitFor({ timeout: TIMEOUT });
}

const scenarios = {
  /** The whole job by clicking. */
  async job(page) {
    await live(page);
    await paste(page, TERM);
    const preview = await page.getByTestId("preview").innerText();
    check(preview.includes("Q4_K_M"), `the preview does not name the quant: ${preview}`);
    await page.screenshot({ path: `${shots}/preview.png` });
    await start(page);
    await state(page, "completed");
    await page.screenshot({ path: `${shots}/completed.png`, fullPage: true });
  },

  /** A refresh in the middle loses nothing; pause, resume and cancel do what they say. */
  async refresh(page) {
    await paste(page, TERM);
    await start(page);
    await state(page, "downloading");
    await page.reload();
    await state(page, "downloading");
    await page.screenshot({ path: `${shots}/downloading.png`, fullPage: true });
    await row(page).getByTestId("pause").click();
    await state(page, "paused");
    await row(page).getByTestId("resume").click();
    await state(page, "downloading");
    await row(page).getByTestId("cancel").click();
    await page.getByTestId("dialog-yes").click();
    await state(page, "cancelled");
    await row(page).getByTestId("retry").click();
    await step("retried");
    await state(page, "completed");
  },

  /** larderd goes away and comes back: said, and mended by itself. */
  async away(page) {
    await live(page);
    await paste(page, TERM);
    await start(page);
    await state(page, "downloading");
    await step("stop");
    await page.getByTestId("banner").waitFor({ state: "visible", timeout: TIMEOUT });
    await page.screenshot({ path: `${shots}/away.png`, fullPage: true });
    await step("start");
    await page.getByTestId("banner").waitFor({ state: "hidden", timeout: TIMEOUT });
    await live(page);
    await state(page, "completed");
  },

  /** What is wrong is said in words, and nothing of a hostile answer becomes markup. */
  async errors(page) {
    for (const [text, words] of [
      ["../../etc/passwd", "repo"],
      ["acme/nothing-here", "acme/nothing-here"],
      ["<img src=x onerror=alert(1)>", "repo"],
    ]) {
      await page.getByTestId("paste").fill(text);
      await page.getByText(words, { exact: false }).last().waitFor({ timeout: TIMEOUT });
      check((await page.locator("img").count()) === 0, "foreign markup became an element");
    }
    await paste(page, "acme/gated-7b");
    await start(page);
    await state(page, "failed");
    check(await row(page).getByRole("link").count() > 0, "the licence page is not linked");
    await page.screenshot({ path: `${shots}/gated.png`, fullPage: true });
  },

  /** Each size in both themes: nothing to scroll sideways, nothing axe objects to. */
  async looks(page) {
    await paste(page, "acme/tiny-7b-GGUF");
    await start(page);
    await paste(page, TERM);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      for (const width of [320, 768, 1280, 2560]) {
        await page.setViewportSize({ width, height: 900 });
        // The resize reaches the page a moment after the call.
        await page.waitForFunction((w) => innerWidth === w && document.documentElement.scrollWidth <= w, width, {
          timeout: TIMEOUT,
        });
        await page.screenshot({ path: `${shots}/looks-${width}-${colorScheme}.png`, fullPage: true });
        const found = await page.evaluate(async () => (await globalThis.axe.run()).violations);
        check(found.length === 0, `axe at ${width} ${colorScheme}: ${JSON.stringify(found.map((v) => [v.id, v.nodes[0].html]))}`);
      }
    }
    await step("done");
    await state(page, "completed");
  },
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
// Not through the page: its policy would rightly refuse an inline script.
await context.addInitScript(axe);
const page = await context.newPage();
const complaints = [];
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("console", (message) => {
  // Chromium logs every answer that is an error by itself; a page cannot prevent that.
  if (["error", "warning"].includes(message.type()) && !message.text().startsWith("Failed to load resource"))
    complaints.push(message.text());
});
try {
  await page.goto(base);
  await scenarios[scenario](page);
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
