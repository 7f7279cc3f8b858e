// What all views share: settings, activity, languages, what is remembered, and what is said when something is away.
import { TERM, TIMEOUT, check, live, looksRight, paste, row, start, state, step } from "./kit.mjs";

const [, base, shots] = process.argv.slice(2);

/** The settings as the server has them. */
const settings = (page) => page.evaluate(async () => (await fetch("api/v1/settings")).json());

export const scenarios = {
  /** What is set is saved, in effect, and seen by another tab. */
  async settings(page, context) {
    const other = await context.newPage();
    await other.goto(`${base}#/settings`);
    await page.goto(`${base}#/settings`);
    const limit = page.getByTestId("bandwidth_limit");
    await limit.fill("2.5");
    await limit.press("Tab");
    await page.getByText("Right now: at most 2.50 MB/s.").waitFor({ timeout: TIMEOUT });
    check((await settings(page)).bandwidth_limit === 2_500_000, "it is not saved");
    await other.getByText("Right now: at most 2.50 MB/s.").waitFor({ timeout: TIMEOUT });
    await other.close();
    await limit.fill("-3");
    await limit.press("Tab");
    await page.getByText("This is not a number that can be used here.").waitFor({ timeout: TIMEOUT });
    check((await settings(page)).bandwidth_limit === 2_500_000, "nonsense was saved");
    await limit.focus();
    await page.keyboard.press("Control+A");
    await page.keyboard.type("5-"); // a browser says of that that it is empty
    await page.keyboard.press("Tab");
    await page.getByText("This is not a number that can be used here.").waitFor({ timeout: TIMEOUT });
    check((await settings(page)).bandwidth_limit === 2_500_000, "half a number was saved");
    await limit.focus();
    await page.keyboard.press("Control+A");
    await page.keyboard.press("Delete");
    await page.keyboard.press("Tab");
    await page.getByText("Right now there is no limit.").waitFor({ timeout: TIMEOUT });

    const cards = page.getByTestId("gpu_memory");
    const become = (words) =>
      page.waitForFunction((wanted) => document.querySelector('[data-testid="gpu_memory"]').value === wanted, words, {
        timeout: TIMEOUT,
      });
    await cards.fill("24 GB 8");
    await cards.press("Tab");
    await become("24 8");
    check((await settings(page)).gpu_memory.join() === [24, 8].map((n) => n * 2 ** 30).join(), "the cards are others");
    for (const wrong of ["11,5", "8192"]) {
      await cards.fill(wrong);
      await cards.press("Tab");
      await page.getByText("GiB of each card, like 8").waitFor({ timeout: TIMEOUT });
      await cards.fill("24 8");
      await cards.press("Tab");
      await page.getByText("GiB of each card, like 8").waitFor({ state: "hidden", timeout: TIMEOUT });
    }
    await cards.fill("0");
    await cards.press("Tab");
    await become("");
    check((await settings(page)).gpu_memory.length === 0, "there are cards still");

    await page.getByTestId("add-hours").click();
    const hours = page.getByTestId("hours");
    await hours.getByRole("checkbox").nth(6).focus();
    await page.keyboard.press("Space");
    check(await page.evaluate(() => document.activeElement?.type === "checkbox"), "the focus is lost");
    await hours.getByLabel("From").focus();
    await page.keyboard.type("1045PM");
    await page.keyboard.press("Tab");
    await hours.getByRole("combobox").selectOption("pause");
    await page.waitForFunction(
      async () => {
        const [entry] = (await (await fetch("api/v1/settings")).json()).schedule;
        return entry?.action === "pause" && entry.days.includes("sun") && entry.from === "22:45";
      },
      null,
      { timeout: TIMEOUT },
    );
    await hours.getByRole("button", { name: "Remove these hours" }).click();
    await hours.waitFor({ state: "detached", timeout: TIMEOUT });
    await page.waitForFunction(
      async () => (await (await fetch("api/v1/settings")).json()).schedule.length === 0,
      null,
      {
        timeout: TIMEOUT,
      },
    );

    await page.getByTestId("scrub").click();
    await page.getByText("Last time,").waitFor({ timeout: TIMEOUT });
  },

  /** Above the queue: all paused, and slow. */
  async tools(page) {
    await paste(page, TERM);
    await start(page);
    await page.getByTestId("pause-all").click();
    await page.getByText("All downloads are paused.").waitFor({ timeout: TIMEOUT });
    await page.getByTestId("pause-all").click();
    await page.getByTestId("slow").click();
    await page.getByText("Slow: at most").waitFor({ timeout: TIMEOUT });
    check((await page.getByTestId("slow").getAttribute("aria-pressed")) === "true", "it does not say so");
    await page.getByTestId("slow").click();
    await page.getByText("Slow: at most").waitFor({ state: "hidden", timeout: TIMEOUT });
    await page.locator(".chart").waitFor({ timeout: TIMEOUT });
    await page.waitForFunction(() => /^\d+ % · |^\d+% · /.test(document.title), null, { timeout: TIMEOUT });
    check(/progress-\d/.test(await page.locator("#favicon").getAttribute("href")), "the icon shows nothing");
    await page.screenshot({ path: `${shots}/tools.png`, fullPage: true });
  },

  /** A row is dragged before another; the buttons do the same. */
  async reorder(page) {
    const ids = () =>
      page.evaluate(() => [...document.querySelectorAll("[data-testid=download]")].map((n) => n.dataset.id));
    const become = (wanted) =>
      page.waitForFunction(
        (order) =>
          JSON.stringify([...document.querySelectorAll("[data-testid=download]")].map((n) => n.dataset.id)) === order,
        JSON.stringify(wanted),
        { timeout: TIMEOUT },
      );
    await page.getByTestId("download").nth(2).waitFor({ timeout: TIMEOUT });
    const [a, b, c] = await ids();
    const grip = page.locator(`[data-id="${c}"]`).getByTestId("grip");
    const target = await page.locator(`[data-id="${a}"]`).boundingBox();
    const from = await grip.boundingBox();
    await page.mouse.move(from.x + 8, from.y + 8);
    await page.mouse.down();
    await page.locator(".job-dragged").waitFor({ timeout: TIMEOUT });
    await page.mouse.move(from.x + 8, target.y + 20, { steps: 5 });
    await page.mouse.up();
    await become([c, a, b]);
    await page.locator(`[data-id="${c}"]`).getByTestId("down").focus();
    await page.keyboard.press("Enter");
    await become([a, c, b]);
    check(
      await page.evaluate((id) => document.activeElement?.closest("[data-id]")?.dataset.id === id, c),
      "the focus is lost",
    );
  },

  /** What has happened can be read, filtered and cleared, and is kept nowhere else. */
  async activity(page) {
    await paste(page, TERM);
    await start(page);
    await state(page, "completed");
    await page.getByRole("link", { name: "Activity" }).click();
    const log = page.locator(".log-line");
    await log.filter({ hasText: "is complete and proven" }).waitFor({ timeout: TIMEOUT });
    await page.getByTestId("log-filter").fill("added to the queue");
    await page.waitForFunction(() => document.querySelectorAll(".log-line").length === 1, null, { timeout: TIMEOUT });
    await page.getByTestId("log-filter").fill("");
    await page.getByTestId("log-clear").click();
    await page.getByText("Nothing has happened since this page was opened.").waitFor({ timeout: TIMEOUT });
    const kept = await page.evaluate(() => JSON.stringify(localStorage));
    check(!kept.includes("is complete and proven"), "the log is kept");
  },

  /** Another language, all of it, and kept. */
  async language(page) {
    await page.goto(`${base}#/settings`);
    await page.getByTestId("language").selectOption("de");
    await page.getByRole("heading", { name: "Die Leitung" }).waitFor({ timeout: TIMEOUT });
    check((await page.locator("html").getAttribute("lang")) === "de", "the document does not say so");
    await page.getByRole("link", { name: "Downloads" }).click();
    await page.getByText("Was möchtest du herunterladen?").waitFor({ timeout: TIMEOUT });
    await page.reload();
    await page.getByText("Was möchtest du herunterladen?").waitFor({ timeout: TIMEOUT });
    await paste(page, TERM);
    await page.screenshot({ path: `${shots}/german.png`, fullPage: true });
    for (const width of [320, 768]) {
      await page.setViewportSize({ width, height: 900 });
      await page.waitForFunction((w) => innerWidth === w && document.documentElement.scrollWidth <= w, width, {
        timeout: TIMEOUT,
      });
    }
  },

  /** The last state is there at once, marked as old, while the server says nothing. */
  async remembered(page) {
    await paste(page, TERM);
    await start(page);
    await state(page, "completed");
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide")));
    await step("stop");
    await page.reload();
    await page.getByTestId("aged").waitFor({ timeout: TIMEOUT });
    await state(page, "completed");
    await page.screenshot({ path: `${shots}/remembered.png`, fullPage: true });
    await step("start");
    await live(page);
    await page.getByTestId("aged").waitFor({ state: "hidden", timeout: TIMEOUT });
    check((await row(page).count()) === 1, "a row too many");
    // A damaged memory is none.
    await page.evaluate(() => localStorage.setItem("larder.seen.1", '{"downloads":[null,{"id":7}],"at":"x"'));
    await page.reload();
    await live(page);
    await state(page, "completed");
  },

  /** The pages were replaced under this one: said, with what to do. */
  async upgraded(page) {
    await live(page);
    await page.route("**/js/views/settings.js", (route) => route.fulfill({ status: 404 }));
    await page.getByRole("link", { name: "Settings" }).click();
    await page.locator(".toast", { hasText: "Larder was updated" }).waitFor({ timeout: TIMEOUT });
    await page.unroute("**/js/views/settings.js");
    await page.getByTestId("toast-offer").click();
    await page.getByRole("heading", { name: "The line" }).waitFor({ timeout: TIMEOUT });
  },

  /** Back is back, wherever it leads; what failed while the server was away is asked for again. */
  async back(page) {
    await live(page);
    await page.getByRole("link", { name: "Models" }).click();
    await page.getByTestId("find").waitFor({ timeout: TIMEOUT });
    await page.goBack();
    await page.getByTestId("paste").waitFor({ timeout: TIMEOUT });
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByTestId("theme").waitFor({ timeout: TIMEOUT });
    await page.keyboard.press("Tab");
    await page.locator(".skip").focus();
    await page.keyboard.press("Enter");
    check(page.url().endsWith("#/settings"), "the skip link changes the address");
    // The web server is away before anything was needed that tells of it, but not before it was here.
    await page.waitForFunction(
      () =>
        ["doctor.js", "toast.js", "overlays.css"].every((end) =>
          performance.getEntriesByType("resource").some((entry) => entry.name.endsWith(end) && entry.responseEnd > 0),
        ),
      null,
      { timeout: TIMEOUT },
    );
    await page.getByRole("link", { name: "Downloads" }).click();
    await step("stop");
    await page.getByTestId("banner").waitFor({ state: "visible", timeout: TIMEOUT });
    await page.getByRole("link", { name: "Activity" }).click();
    await page.locator(".toast", { hasText: "cannot be reached" }).waitFor({ timeout: TIMEOUT });
    await step("start");
    await page.getByTestId("banner").waitFor({ state: "hidden", timeout: TIMEOUT });
    await page.getByTestId("toast-offer").click();
    await page.getByTestId("log-clear").waitFor({ timeout: TIMEOUT });
  },

  /** All that is needed is there with the keyboard alone, and what has the focus is seen. */
  async keyboard(page) {
    await live(page);
    await page.keyboard.press("Tab");
    check(
      await page.evaluate(() => document.activeElement?.className === "skip"),
      "the first stop is not the skip link",
    );
    await page.keyboard.press("/");
    check(await page.evaluate(() => document.activeElement?.dataset.testid === "paste"), "the slash leads nowhere");
    await page.keyboard.type(TERM);
    await page.getByTestId("start").and(page.locator(":enabled")).waitFor({ timeout: TIMEOUT });
    await page.keyboard.press("Enter");
    await state(page, "completed");
    const stops = new Set();
    for (let n = 0; n < 60; n++) {
      await page.keyboard.press("Tab");
      const stop = await page.evaluate(() => {
        const node = document.activeElement;
        if (!node || node === document.body) return null;
        const { outlineStyle, outlineWidth } = getComputedStyle(node);
        return {
          name: node.ariaLabel || node.textContent || node.dataset.testid,
          seen: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
        };
      });
      if (!stop) continue; // the browser's own stop, at the end of the page
      check(stop.seen, `the focus on ${stop.name} is not seen`);
      stops.add(stop.name);
    }
    for (const name of ["Downloads", "Models", "Activity", "Settings"])
      check(
        [...stops].some((stop) => stop.includes(name)),
        `${name} is not reached`,
      );
    check(
      [...stops].some((stop) => stop.startsWith("Remove from list")),
      "a row's buttons are not reached",
    );
  },

  /** The Hub's token is set, whose it is is told, it is never shown, and it is forgotten. */
  async token(page) {
    await page.goto(`${base}#/settings`);
    const state = page.getByTestId("token-state");
    await state.getByText("a stranger to the Hub").waitFor({ timeout: TIMEOUT });
    await page.getByTestId("token").fill("hf_nobodyknowsthis");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "does not know this token" }).waitFor({ timeout: TIMEOUT });
    await page.getByTestId("token").fill("hf_grantedGIVENGIVENGIVEN");
    await page.getByTestId("token-save").click();
    await state.getByText("jane").waitFor({ timeout: TIMEOUT });
    check((await page.getByTestId("token").inputValue()) === "", "the token stays in its field");
    await page.reload();
    await state.getByText("jane").waitFor({ timeout: TIMEOUT });
    check(!(await page.content()).includes("hf_granted"), "the token is in the page");
    await page.screenshot({ path: `${shots}/token.png`, fullPage: true });
    await page.getByTestId("token-forget").click();
    await state.getByText("a stranger to the Hub").waitFor({ timeout: TIMEOUT });
  },

  /** Several things at once: a list, then the workflow that the test has. */
  async "paste-several"(page) {
    const box = page.getByTestId("paste");
    const entries = page.getByTestId("paste-entry");
    const button = page.getByTestId("start-all").and(page.locator(":enabled"));
    await box.fill("- acme/tiny-7b-GGUF:Q2_K\n- acme/tiny-st\n- acme/nowhere\nwhat is this");
    await page.getByText("4 things in this list").waitFor({ timeout: TIMEOUT });
    await entries.nth(2).getByText("not on the Hub").waitFor({ timeout: TIMEOUT });
    check(!(await entries.nth(3).getByRole("checkbox").isEnabled()), "what is no model can be ticked");
    check(await page.getByTestId("start").isHidden(), "there are two buttons");
    await looksRight(page, shots, "paste-list");
    await button.getByText("Start 2 downloads").click();
    await page.getByText("2 downloads added to the queue.").waitFor({ timeout: TIMEOUT });
    await page.waitForFunction(
      () => document.querySelectorAll('[data-testid="download"][data-state="completed"]').length === 2,
      null,
      { timeout: TIMEOUT },
    );
    check((await box.inputValue()) === "", "the list stays in the box");

    // What was unticked stays so while the list is edited; another text that comes while it starts stays, too.
    await box.fill("acme/tiny-7b-GGUF:Q3_K_M\nacme/split-70b-GGUF:Q4_K_M");
    await button.getByText("Start 2 downloads").waitFor({ timeout: TIMEOUT });
    await entries.first().getByText("1 file").waitFor({ timeout: TIMEOUT });
    await entries.nth(1).getByText("3 files").waitFor({ timeout: TIMEOUT });
    await entries.nth(1).getByRole("checkbox").uncheck();
    await box.fill("acme/tiny-7b-GGUF:Q3_K_M\nacme/split-70b-GGUF:Q4_K_M\nacme/tiny-7b-GGUF:Q4_K_S");
    await page.getByText("3 things in this list").waitFor({ timeout: TIMEOUT });
    check(!(await entries.nth(1).getByRole("checkbox").isChecked()), "an edit ticks what was unticked");
    await button.getByText("Start 2 downloads").waitFor({ timeout: TIMEOUT });
    await page.evaluate(() => {
      document.querySelector('[data-testid="start-all"]').click();
      const input = document.querySelector('[data-testid="paste"]');
      input.value = "acme/tiny-st";
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
    await page.waitForFunction(
      () => document.querySelectorAll('[data-testid="download"][data-state="completed"]').length === 4,
      null,
      { timeout: TIMEOUT },
    );
    check((await box.inputValue()) === "acme/tiny-st", "the newer text is gone");

    // One thing on several lines is one thing, as before.
    await box.fill("hf download acme/tiny-7b-GGUF \\\n  --include '*Q8_0*'");
    await page.getByTestId("start").and(page.locator(":enabled")).waitFor({ timeout: TIMEOUT });
    check((await entries.count()) === 0, "a command is a list");

    await box.fill(process.env.WORKFLOW);
    await page.getByText("2 models of this workflow are not here").waitFor({ timeout: TIMEOUT });
    await entries.first().getByText("vae/ae.safetensors", { exact: true }).waitFor({ timeout: TIMEOUT });
    await entries.last().getByText("does not say where").waitFor({ timeout: TIMEOUT });
    await looksRight(page, shots, "paste-workflow");
    await button.getByText("Start 1 download").click();
    await page.getByText("1 download added to the queue.").waitFor({ timeout: TIMEOUT });

    await box.fill('{"no": "workflow"}');
    await page.getByRole("alert").filter({ hasText: "no workflow of ComfyUI" }).waitFor({ timeout: TIMEOUT });
  },

  /** From a download that waits to the host that is at fault, and on when it is mended. */
  async connection(page) {
    await paste(page, TERM);
    await start(page);
    await state(page, "waiting");
    await page.getByRole("link", { name: "Find out why" }).click();
    const verdict = page.getByTestId("verdict");
    await verdict.getByText("It fails at: Storage").waitFor({ timeout: TIMEOUT });
    const failed = page.locator('[data-testid="check"][data-state="failed"]');
    check((await failed.count()) === 1, "more than one host is blamed");
    check((await failed.innerText()).includes("firewall"), "nothing is said to do");
    check((await page.getByTestId("with").inputValue()) === TERM.split(":")[0], "it was tried with something else");
    await looksRight(page, shots, "connection");
    await step("mend");
    await page.getByTestId("examine").click();
    await verdict.getByText("Nothing is wrong").waitFor({ timeout: TIMEOUT });
    check((await page.getByTestId("check").count()) === 9, "a check is missing");
    await page.getByTestId("with").fill("no model at all");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "neither a repository" }).waitFor({ timeout: TIMEOUT });
    await page.getByRole("link", { name: "All settings" }).click();
    await page.getByRole("link", { name: "Examine the connection" }).click();
    await verdict.getByText("Nothing is wrong").waitFor({ timeout: TIMEOUT });
  },

  /** Nobody sees anything before signing in, and comes back to where they wanted to go; signing out forgets. */
  async "sign-in"(page) {
    await page.goto(`${base}#/settings`);
    await page.getByTestId("password").waitFor({ timeout: TIMEOUT });
    await looksRight(page, shots, "sign-in");
    await page.getByTestId("password").fill("a wrong one");
    await page.keyboard.press("Enter");
    await page.getByText("The password is not right", { exact: false }).waitFor({ timeout: TIMEOUT });
    await page.getByTestId("password").fill("correct horse battery staple");
    await page.getByTestId("sign-in").click();
    await page.getByRole("heading", { name: "The line" }).waitFor({ timeout: TIMEOUT });
    await live(page);
    await page.getByTestId("max_downloads").fill("2");
    await page.keyboard.press("Tab");
    await page.getByText("Saved.").waitFor({ timeout: TIMEOUT });
    await page.getByRole("link", { name: "Downloads" }).click();
    await paste(page, TERM);
    await start(page);
    await state(page, "completed");
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide")));
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByTestId("sign-out").click();
    await page.getByTestId("password").waitFor({ timeout: TIMEOUT });
    check(!(await page.evaluate(() => JSON.stringify(localStorage))).includes("acme/"), "what was seen is remembered");
    await page.reload();
    await page.getByTestId("password").waitFor({ timeout: TIMEOUT });
    check((await page.getByTestId("download").count()) === 0, "something is shown to nobody");
  },

  /** Settings and activity at each size. */
  async "page-looks"(page) {
    await page.goto(`${base}#/settings`);
    await page.getByTestId("add-hours").click();
    await page.getByTestId("hours").waitFor({ timeout: TIMEOUT });
    await looksRight(page, shots, "settings");
    await page.getByRole("button", { name: "Remove these hours" }).click();
    await page.goto(`${base}#/activity`);
    await page.getByTestId("log-clear").waitFor({ timeout: TIMEOUT });
    await looksRight(page, shots, "activity");
  },
};
