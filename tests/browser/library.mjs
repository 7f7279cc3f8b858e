// The Models page and the trash, by clicking.
import { TIMEOUT, check, live, looksRight, step } from "./kit.mjs";

const [, base, shots] = process.argv.slice(2);
const models = (page) => page.getByTestId("model");
const shown = (page, ...folders) =>
  page.waitForFunction(
    (wanted) =>
      JSON.stringify([...document.querySelectorAll('[data-testid="model"]')].map((n) => n.dataset.key).sort()) ===
      JSON.stringify(wanted),
    [...folders].sort(),
    { timeout: TIMEOUT },
  );

async function open(page, folder) {
  await page.goto(`${base}#/models/${folder}`);
  await page.getByTestId("model-page").getByTestId("verify").waitFor({ timeout: TIMEOUT });
}

const toast = (page, words) => page.locator(".toast", { hasText: words }).first();

export const scenarios = {
  /** The list tells what is there, and what is asked of it. */
  async library(page) {
    await page.getByRole("link", { name: "Models" }).click();
    await shown(page, "acme/one-GGUF", "acme/split-GGUF", "beta/two");
    await page.getByTestId("find").fill("  ONE  acme ");
    await shown(page, "acme/one-GGUF");
    await page.getByTestId("find").fill("nothing is called this");
    await shown(page);
    await page.getByRole("button", { name: "Show all of them" }).click();
    await shown(page, "acme/one-GGUF", "acme/split-GGUF", "beta/two");
    await page.getByTestId("state").selectOption("incomplete");
    await shown(page, "acme/split-GGUF");
    await page.getByTestId("state").selectOption("");
    await page.getByTestId("format").selectOption("safetensors");
    await shown(page, "beta/two");
    await page.getByTestId("format").selectOption("");
    await page.getByTestId("quant").selectOption("Q8_0");
    await shown(page, "acme/one-GGUF");
    await page.getByTestId("quant").selectOption("");
    await page.getByTestId("sort").selectOption("size");
    const first = () => [...document.querySelectorAll('[data-testid="model"]')].find((n) => n.style.top === "0px");
    check((await page.evaluate(`(${first})().dataset.key`)) === "beta/two", "the largest is not the first");
    check((await page.locator(".space-piece").count()) >= 3, "nobody is seen to take space");

    // Somebody puts one more there; another goes.
    await step("put");
    await shown(page, "acme/one-GGUF", "acme/split-GGUF", "beta/two", "gamma/late");
    await step("remove");
    await shown(page, "acme/one-GGUF", "acme/split-GGUF", "gamma/late");

    // One of them, by the keyboard; the list is as it was when one comes back.
    await page.getByTestId("find").fill("split");
    await shown(page, "acme/split-GGUF");
    await page.keyboard.press("Tab");
    await models(page).getByRole("link").focus();
    await page.keyboard.press("Enter");
    const detail = page.getByTestId("model-page");
    await detail.getByText("2 of 3 parts").waitFor({ timeout: TIMEOUT });
    await detail.getByTestId("group").click();
    await detail.getByText("Missing: split-00002-of-00003.gguf").waitFor({ timeout: TIMEOUT });
    await page.goBack();
    await shown(page, "acme/split-GGUF");
    await page.waitForFunction(() => document.activeElement?.closest("li")?.dataset.key === "acme/split-GGUF", null, {
      timeout: TIMEOUT,
    });
    check((await page.getByTestId("find").inputValue()) === "split", "the filter is forgotten");
  },

  /** What was fetched is verified, found broken, repaired, found to be old, and updated. */
  async care(page) {
    await open(page, "acme/cared");
    const detail = page.getByTestId("model-page");
    await detail.getByTestId("verify").click();
    await toast(page, "every file is proven").waitFor({ timeout: TIMEOUT });
    await step("damage");
    await detail.getByTestId("verify").click();
    await toast(page, "is damaged: one").waitFor({ timeout: TIMEOUT });
    await detail.getByText("1 changed").waitFor({ timeout: TIMEOUT });
    await detail.getByTestId("repair").click();
    await toast(page, "is mended and proven").waitFor({ timeout: TIMEOUT });
    await detail.getByTestId("check").click();
    await toast(page, "up to date").waitFor({ timeout: TIMEOUT });
    await step("push");
    await detail.getByTestId("check").click();
    await toast(page, "README.md only").waitFor({ timeout: TIMEOUT });
    await page.screenshot({ path: `${shots}/update.png`, fullPage: true });
    await detail.getByTestId("update").click();
    await toast(page, "is up to date and proven").waitFor({ timeout: TIMEOUT });
    await detail.getByTestId("update").waitFor({ state: "hidden", timeout: TIMEOUT });
  },

  /** A missing part is fetched with one button. */
  async missing(page) {
    await open(page, "acme/split-70b-GGUF");
    const group = page.getByTestId("model-page").locator('[data-group="Q4_K_M"]');
    await group.locator("summary").click();
    await group.getByTestId("fetch-missing").click();
    await toast(page, "is complete and proven").waitFor({ timeout: TIMEOUT });
    await group.getByTestId("fetch-missing").waitFor({ state: "hidden", timeout: TIMEOUT });
  },

  /** A delete asks first, says what and how much, and can be taken back twice over. */
  async trash(page) {
    await open(page, "acme/one-GGUF");
    await page.getByTestId("delete").click();
    const dialog = page.getByRole("dialog");
    const words = await dialog.innerText();
    check(/acme\/one-GGUF/.test(words) && /2 files/.test(words.replace("\u00a0", " ")), `it says: ${words}`);
    await page.getByTestId("dialog-no").click();
    await page.getByTestId("delete").click();
    await page.screenshot({ path: `${shots}/delete.png` });
    await page.getByTestId("dialog-yes").click();
    await page.getByTestId("toast-offer").click();
    await toast(page, "It is back").waitFor({ timeout: TIMEOUT });
    await shown(page, "acme/one-GGUF", "acme/split-GGUF", "beta/two");

    // Only one variant of it, and back from the trash.
    await open(page, "acme/one-GGUF");
    const group = page.getByTestId("model-page").locator('[data-group="Q8_0"]');
    await group.locator("summary").click();
    await group.getByTestId("delete-group").click();
    await page.getByTestId("dialog-yes").click();
    await group.waitFor({ state: "detached", timeout: TIMEOUT });
    await page.goto(`${base}#/trash`);
    await page.getByTestId("trash-entry").getByText("one-Q8_0.gguf").waitFor({ timeout: TIMEOUT });
    await step("occupy");
    await page.getByTestId("restore").click();
    await page.getByTestId("dialog-yes").click(); // something has its place: they are swapped
    await toast(page, "acme/one-GGUF\u2069 is back").waitFor({ timeout: TIMEOUT }); // not the toast of before
    await step("swapped");
    await page.getByTestId("purge").click();
    await page.getByTestId("dialog-yes").click();
    await page.getByText("The trash is empty.").waitFor({ timeout: TIMEOUT });
  },

  /** Names that would run, turn, hide or burst are words and nothing else. */
  async hostile(page, context) {
    await context.addInitScript(() => {
      globalThis.canary = 0;
    });
    for (const path of ["#/models", "#/", "#/activity"]) {
      await page.goto(base + path);
      await page.reload();
      await live(page);
    }
    await page.goto(`${base}#/models`);
    await page.waitForFunction(() => document.querySelectorAll('[data-testid="model"]').length === 5, null, {
      timeout: TIMEOUT,
    });
    for (const width of [320, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      await page.waitForFunction((w) => innerWidth === w && document.documentElement.scrollWidth <= w, width, {
        timeout: TIMEOUT,
      });
      await page.screenshot({ path: `${shots}/hostile-${width}.png`, fullPage: true });
    }
    const keys = await page.evaluate(() => [...document.querySelectorAll(".shelf-link")].map((a) => a.href));
    for (const href of keys) {
      await page.goto(href);
      await page.getByTestId("model-page").getByTestId("delete").waitFor({ timeout: TIMEOUT });
      await page.getByTestId("delete").click();
      await page.getByTestId("dialog-no").click();
    }
    check((await page.evaluate(() => globalThis.canary)) === 0, "something ran");
    check((await page.locator("main img, .toasts img, dialog img").count()) === 0, "foreign markup became an element");
    const text = await page.evaluate(() => document.body.innerText);
    check(
      !/[\u202a-\u202e\u2066-\u2069]/.test(text.replaceAll(/\u2068[^\u2068\u2069]*\u2069/g, "")),
      "a name turns words",
    );
  },

  /** Each view of the library at each size. */
  async "library-looks"(page) {
    await page.goto(`${base}#/models`);
    await models(page).first().waitFor({ timeout: TIMEOUT });
    await looksRight(page, shots, "models");
    await open(page, "acme/one-GGUF");
    await page.getByTestId("model-page").getByTestId("group").first().locator("summary").click();
    await looksRight(page, shots, "model");
    await page.goto(`${base}#/trash`);
    await page.getByTestId("trash-entry").first().waitFor({ timeout: TIMEOUT });
    await looksRight(page, shots, "trash");
    await page.getByTestId("purge").first().click();
    await page.getByRole("dialog").waitFor({ timeout: TIMEOUT });
    await looksRight(page, shots, "dialog");
  },
};
