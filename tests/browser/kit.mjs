// What the scenarios share. Nothing sleeps: every wait is for something on the page.
import { createInterface } from "node:readline";

export const TERM = "acme/tiny-7b-GGUF:Q4_K_M";
export const TIMEOUT = 60_000;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Tells the test where we are and waits until it has acted. */
export async function step(name) {
  console.log(`step ${name}`);
  await lines.next();
}

export function check(condition, text) {
  if (!condition) throw new Error(text);
}

export const row = (page) => page.getByTestId("download").first();
export const state = (page, ...names) =>
  page.waitForFunction(
    (wanted) => wanted.includes(document.querySelector('[data-testid="download"]')?.getAttribute("data-state")),
    names,
    { timeout: TIMEOUT },
  );
export const live = (page) =>
  page.locator('[data-testid="connection"][data-state="live"]').waitFor({ timeout: TIMEOUT });

export async function paste(page, text) {
  await page.getByTestId("paste").fill(text);
  await page.getByTestId("start").and(page.locator(":enabled")).waitFor({ timeout: TIMEOUT });
}

export async function start(page) {
  await page.getByTestId("start").click();
  await row(page).waitFor({ timeout: TIMEOUT });
}

/** Whether somebody looks at the page. */
export const setHidden = (page, hidden) =>
  page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { get: () => value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);

/** The next request for an address that `event` is about. */
export const nextRequest = (page, event, end) =>
  page.waitForEvent(event, { predicate: (r) => new URL(r.url()).pathname.endsWith(end), timeout: TIMEOUT });

/** How many things axe objects to, at each size in both themes, and whether one must scroll sideways. */
export async function looksRight(page, shots, name, ready) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const width of [320, 768, 1280, 2560]) {
      await page.setViewportSize({ width, height: 900 });
      // The resize reaches the page a moment after the call.
      await page.waitForFunction((w) => innerWidth === w && document.documentElement.scrollWidth <= w, width, {
        timeout: TIMEOUT,
      });
      // What is being asked anew is pale.
      await page.waitForFunction(
        () => ![...document.querySelectorAll('[aria-busy="true"]')].some((node) => node.checkVisibility()),
        null,
        { timeout: TIMEOUT },
      );
      await ready?.();
      await page.screenshot({ path: `${shots}/${name}-${width}-${colorScheme}.png`, fullPage: true });
      const found = await page.evaluate(async () => (await globalThis.axe.run()).violations);
      check(
        found.length === 0,
        `axe at ${width} ${colorScheme}: ${JSON.stringify(found.map((v) => [v.id, v.nodes[0].html]))}`,
      );
    }
  }
}
