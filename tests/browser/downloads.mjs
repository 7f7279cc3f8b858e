// The Download page, by clicking.
import {
  TERM,
  TIMEOUT,
  check,
  live,
  looksRight,
  nextRequest,
  paste,
  row,
  setHidden,
  start,
  state,
  step,
} from "./kit.mjs";

const [, base, shots] = process.argv.slice(2);

/** Many tabs, one stream: each shows what happens, also when the first is closed, and one that comes late. */
async function tabs(page, context, many = 7) {
  const pages = [page];
  for (let n = 1; n < many; n++) {
    pages.push(await context.newPage());
    await pages[n].goto(base);
  }
  for (const each of pages) await live(each);
  await paste(pages[1], TERM);
  await start(pages[1]);
  for (const each of pages) await state(each, "downloading");
  await pages.shift().close();
  await step("pause");
  for (const each of pages) await state(each, "paused");
  const late = await context.newPage();
  await late.goto(base);
  await live(late);
  await state(late, "paused");
  await step("resume");
  for (const each of [...pages, late]) await state(each, "downloading");
}

export const scenarios = {
  "tabs-worker": tabs,
  "tabs-lock": tabs,
  "tabs-own": (page, context) => tabs(page, context, 3), // a browser has six connections to a host

  /** The web server goes and comes back, and so does larderd, whose events begin anew. */
  async outage(page) {
    await live(page);
    await paste(page, TERM);
    await start(page);
    await state(page, "downloading");
    await step("stop");
    await page.locator('[data-testid="connection"]:not([data-state="live"])').waitFor({ timeout: TIMEOUT });
    await step("start");
    await live(page);
    await state(page, "paused");
    check((await row(page).count()) === 1, "a row too many");
  },

  /** No stream passes: the same by polling. */
  async polling(page) {
    await page.locator('[data-testid="connection"][data-state="polling"]').waitFor({ timeout: TIMEOUT });
    await paste(page, TERM);
    await start(page);
    await state(page, "completed");
  },

  /** An hour of sleep: what the page took for a connection is a ghost. */
  async sleep(page) {
    await page.clock.install();
    await page.goto(base);
    await live(page);
    const again = nextRequest(page, "request", "/events");
    await page.clock.fastForward("01:00:00");
    await again;
    await step("pause");
    await live(page);
    await state(page, "paused");
  },

  /** Nobody looks: no stream is held. Somebody looks again: all is right at once. */
  async hidden(page) {
    await page.clock.install();
    await page.goto(base);
    await live(page);
    await setHidden(page, true);
    const ended = nextRequest(page, "requestfailed", "/events");
    const polled = nextRequest(page, "request", "/changes");
    await page.clock.fastForward(61_000);
    await ended;
    await polled;
    const again = nextRequest(page, "request", "/changes");
    await page.clock.fastForward(31_000);
    await again;
    await step("pause");
    const back = nextRequest(page, "request", "/events");
    await setHidden(page, false);
    await back;
    await page.clock.resume();
    await state(page, "paused");
  },

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

  /** A whole repository is named: the variant that suits is chosen, others by hand, and they stay chosen. */
  async choice(page) {
    const ticked = (...names) =>
      page.waitForFunction(
        (wanted) =>
          [...document.querySelectorAll(".group")]
            .filter((row) => row.querySelector("input").checked)
            .map((row) => row.dataset.group)
            .join() === wanted,
        names.join(),
        { timeout: TIMEOUT },
      );
    await live(page);
    await paste(page, TERM.split(":")[0]);
    await ticked("Q4_K_M");
    await page.getByText("No graphics card is known here").waitFor({ timeout: TIMEOUT });
    await looksRight(page, shots, "no-card");
    await page.locator('[data-group="Q3_K_M"]').getByRole("button", { name: "Only" }).click();
    await ticked("Q3_K_M");
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByTestId("gpu_memory").waitFor({ timeout: TIMEOUT });
    await page.getByRole("link", { name: "Downloads", exact: true }).click();
    await ticked("Q3_K_M");
    await page.getByRole("button", { name: "All", exact: true }).first().click();
    await page.getByTestId("start").and(page.locator(":enabled")).waitFor({ timeout: TIMEOUT });
    check((await page.locator(".group input:not(:checked)").count()) === 0, "all is not all");

    // A slip and back, or others in between, is the whole repository named anew.
    const box = page.getByTestId("paste");
    await box.press("End");
    await box.press("x");
    await box.press("Backspace");
    await ticked("Q4_K_M");
    for (const other of ["datasets/acme/words", "acme/nope"]) {
      await box.fill(other);
      await page
        .getByText(other === "acme/nope" ? "is not on the Hub" : "Dataset acme/words")
        .waitFor({ timeout: TIMEOUT });
      await box.fill(TERM.split(":")[0]);
      await ticked("Q4_K_M");
    }
    // What is thought about a text is not done to the next one.
    await box.fill("");
    const held = [];
    await page.route("**/previews/*/fit*", (route) => held.push(route));
    await box.fill(TERM.split(":")[0]);
    await page.getByText("Looking which variant suits this machine").waitFor({ timeout: TIMEOUT });
    await box.fill("acme/little-7b-GGUF:Q8_0");
    await page.unroute("**/previews/*/fit*");
    for (const route of held) await route.continue().catch(() => {});
    await ticked("Q8_0");
    await page.getByTestId("start").and(page.locator(":enabled")).waitFor({ timeout: TIMEOUT });
    await ticked("Q8_0");
    // None stays none.
    await page.getByRole("button", { name: "None", exact: true }).first().click();
    await page.getByText("Nothing is chosen yet").waitFor({ timeout: TIMEOUT });
    await box.press("Enter");
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByTestId("gpu_memory").waitFor({ timeout: TIMEOUT });
    await page.getByRole("link", { name: "Downloads", exact: true }).click();
    await page.getByText("Nothing is chosen yet").waitFor({ timeout: TIMEOUT });
  },

  /** What has the name of a file that comes is said to go to the trash; what was here before is told after. */
  async replaced(page) {
    await live(page);
    await paste(page, TERM);
    const words = page.getByText("Another file that has its name there goes to the trash.");
    await words.waitFor({ timeout: TIMEOUT });
    await looksRight(page, shots, "replaced");
    await start(page);
    await state(page, "completed");
    await paste(page, TERM.split(":")[0]);
    check((await words.count()) === 0, "what is in its place is said to go to the trash");
    await start(page);
    await page.getByText(/, .* of it here before$/).waitFor({ timeout: TIMEOUT });
    await looksRight(page, shots, "here-before");
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
    check((await row(page).getByRole("link").count()) > 0, "the licence page is not linked");
    await page.screenshot({ path: `${shots}/gated.png`, fullPage: true });
  },

  /** Each size in both themes: nothing to scroll sideways, nothing axe objects to. */
  async looks(page) {
    await paste(page, "acme/tiny-7b-GGUF");
    await start(page);
    await paste(page, TERM);
    await looksRight(page, shots, "looks");
    await step("done");
    await state(page, "completed");
  },
};
