// The Search page, by clicking.
import { TIMEOUT, check, live, looksRight, nextRequest, state, step } from "./kit.mjs";

const [, base, shots] = process.argv.slice(2);
/** These are the first rows, in this order. */
const shown = (page, ...repos) =>
  page.waitForFunction(
    (wanted) =>
      [...document.querySelectorAll('[data-testid="hub-row"]')]
        .sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))
        .slice(0, wanted.length)
        .map((n) => n.dataset.key)
        .join() === wanted.join(),
    repos,
    { timeout: TIMEOUT },
  );
const open = async (page) => {
  await page.getByRole("link", { name: "Search" }).click();
  await page.getByTestId("hub-row").first().waitFor({ timeout: TIMEOUT });
};
const pane = (page) => page.getByTestId("repository");

export const scenarios = {
  /** Four actions, from the empty page: Search, words, a row, download. What suits this machine is chosen by itself. */
  async "search-fit"(page) {
    await live(page);
    await open(page);
    await page.getByTestId("hub-words").fill("tiny-7b-gg");
    await shown(page, "acme/tiny-7b-GGUF");
    await page.getByTestId("hub-row").getByRole("link").click();
    await pane(page).getByTestId("recommended").waitFor({ timeout: TIMEOUT });
    await page.waitForFunction(
      () =>
        [...document.querySelectorAll(".group input")].filter((box) => box.checked).length === 1 &&
        !document.querySelector('[data-testid="preview"]')?.hasAttribute("aria-busy"),
      null,
      { timeout: TIMEOUT },
    );
    check((await pane(page).innerText()).includes("fits the graphics memory"), "where it fits is not told");
    for (const width of [320, 1280]) {
      await page.setViewportSize({ width, height: 1000 });
      await pane(page).getByTestId("recommended").scrollIntoViewIfNeeded();
      await page.screenshot({ path: `${shots}/fit-${width}.png` });
    }
    await pane(page).getByTestId("start").and(page.locator(":enabled")).click();
    await page.waitForFunction(() => /^#\/search(\?|$)/.test(location.hash), null, { timeout: TIMEOUT });
    await page.getByRole("link", { name: "Downloads", exact: true }).click();
    await state(page, "completed");
  },

  /** What is asked for stands in the address: after a reload, for somebody else, and from the box on the first page. */
  async "search-address"(page) {
    await live(page);
    await page.getByTestId("paste").fill("tiny 7b");
    const elsewhere = page.getByTestId("elsewhere");
    await elsewhere.waitFor({ timeout: TIMEOUT });
    check((await elsewhere.innerText()).includes("tiny 7b"), "the words are others");
    await looksRight(page, shots, "elsewhere");
    await page.getByTestId("paste").fill("acme/tiny-7b-g");
    await page.waitForFunction(
      () => document.querySelector('[data-testid="elsewhere"]')?.getAttribute("href")?.endsWith("?q=tiny-7b-g"),
      null,
      { timeout: TIMEOUT },
    );
    await elsewhere.click();
    await shown(page, "acme/tiny-7b-GGUF");
    check((await page.getByTestId("hub-words").inputValue()) === "tiny-7b-g", "the words have not come along");
    await page.getByTestId("hub-format").selectOption("gguf");
    await page.waitForFunction(() => location.hash === "#/search?q=tiny-7b-g&format=gguf", null, { timeout: TIMEOUT });
    await page.getByTestId("hub-words").press("ArrowDown");
    await page.waitForFunction(() => document.activeElement?.closest('[data-testid="hub-row"]'), null, {
      timeout: TIMEOUT,
    });
    await page.keyboard.press("Enter");
    await pane(page).getByText("apache-2.0").first().waitFor({ timeout: TIMEOUT });
    await page.reload();
    await pane(page).getByText("apache-2.0").first().waitFor({ timeout: TIMEOUT });
    await shown(page, "acme/tiny-7b-GGUF");
    check((await page.title()) === "acme/tiny-7b-GGUF · Larder", `the title is ${await page.title()}`);
    check((await page.getByTestId("hub-format").inputValue()) === "gguf", "a reload forgets the filter");
    await page.goBack();
    await page.waitForFunction(() => location.hash === "#/search?q=tiny-7b-g&format=gguf", null, { timeout: TIMEOUT });
    // The filters are of models.
    await page.getByTestId("hub-type").selectOption("dataset");
    await page.waitForFunction(() => location.hash === "#/search?q=tiny-7b-g&type=dataset", null, { timeout: TIMEOUT });
    check(await page.getByTestId("hub-format").isDisabled(), "a dataset has no format");
    await page.goto(base + "#/search?sort=nonsense&q=gated");
    await page.getByText("acme/gated-7b").first().waitFor({ timeout: TIMEOUT });
    check((await page.getByTestId("hub-sort").inputValue()) === "trending", "nonsense is believed");
  },

  /** What the Hub's scan found stands at the button; who has no token is told before a gated model fails. */
  async "search-warned"(page) {
    await page.goto(`${base}#/search/acme/tiny-7b-GGUF`);
    const warning = page.getByText("The Hub’s scan has found something in these files");
    await warning.waitFor({ timeout: TIMEOUT });
    await page.getByText("unsafe: tiny-7b-Q4_K_M.gguf").waitFor({ timeout: TIMEOUT });
    await pane(page).locator('[data-group="Q8_0"]').getByRole("button", { name: "Only" }).click();
    await page.getByText("Goes to").waitFor({ timeout: TIMEOUT });
    await warning.waitFor({ state: "hidden", timeout: TIMEOUT }); // it is of another file
    await page.goto(`${base}#/search/acme/gated-7b`);
    await page.getByText("Larder has no token.").waitFor({ timeout: TIMEOUT });
    await looksRight(page, shots, "gated");
    await page.getByRole("link", { name: "Give it one" }).click();
    await page.getByTestId("token").waitFor({ timeout: TIMEOUT });
  },

  /** From a word to a running download of one variant, without leaving the page. */
  async "search-find"(page) {
    await live(page);
    await open(page);
    await page.getByTestId("hub-words").fill("tiny-7b-gg");
    await shown(page, "acme/tiny-7b-GGUF");
    await page.getByTestId("hub-row").getByRole("link").focus();
    await page.keyboard.press("Enter");
    await pane(page).getByText("apache-2.0").first().waitFor({ timeout: TIMEOUT });
    check((await pane(page).locator("dl").first().innerText()).includes("llama"), "the facts are not told");
    await pane(page).locator('[data-group="Q4_K_M"]').getByRole("button", { name: "Only" }).click();
    await pane(page).getByTestId("start").and(page.locator(":enabled")).waitFor({ timeout: TIMEOUT });
    await page.waitForFunction(() => document.querySelector('[data-group="Q8_0"] input')?.checked === false, null, {
      timeout: TIMEOUT,
    });
    await pane(page).getByTestId("start").and(page.locator(":enabled")).click();
    await page.waitForFunction(() => /^#\/search(\?|$)/.test(location.hash), null, { timeout: TIMEOUT });
    await shown(page, "acme/tiny-7b-GGUF");
    check((await page.getByTestId("hub-words").inputValue()) === "tiny-7b-gg", "the words are forgotten");
    await page.getByRole("link", { name: "Downloads", exact: true }).click();
    await state(page, "completed");
    check((await page.getByTestId("paste").inputValue()) === "", "the paste box holds what nobody pasted");
  },

  /** What a repository is, by its address: facts and card, and nothing of it asks anybody else. */
  async "search-card"(page) {
    const strange = [];
    page.on("request", (request) => request.url().startsWith(base) || strange.push(request.url()));
    await page.goto(`${base}#/search/acme/tiny-7b-GGUF`);
    const card = page.getByTestId("readme");
    await card.getByText("It answers all the same.").waitFor({ timeout: TIMEOUT });
    check((await card.locator("tr").count()) === 3 && (await card.locator("h4").count()) === 1, "not its shape");
    check((await card.locator("img, script, style, iframe").count()) === 0, "something that loads or runs");
    check((await page.title()) !== "taken over", "a card takes the page over");
    const picture = card.getByRole("link", { name: "A tiny llama" });
    check((await picture.getAttribute("href")) === "https://img.example/tiny.png", "the image cannot be asked for");
    check(!(await card.evaluate((node) => node.outerHTML)).includes("javascript:"), "a link that runs");
    const badge = card.getByRole("link", { name: "Chat" });
    check((await badge.getAttribute("href")) === "https://chat.example/", "a badge does not lead where it should");
    check((await card.locator("a a").count()) === 0, "a link in a link");
    check(strange.length === 0, `asked of others: ${strange.join(" ")}`);
    const facts = await page.getByTestId("facts").innerText();
    for (const fact of ["apache-2.0", "llama", "1,234", "nothing found"]) check(facts.includes(fact), `no ${fact}`);
    await pane(page).getByTestId("start").and(page.locator(":enabled")).waitFor({ timeout: TIMEOUT });
    await looksRight(page, shots, "card");
    await page.goto(`${base}#/search/acme/gated-7b`);
    await page.getByText("Its owner decides who may have it").waitFor({ timeout: TIMEOUT });
  },

  /** What one asks for beside words, and more of it. */
  async "search-filters"(page) {
    await open(page);
    await page.getByTestId("hub-sort").selectOption("likes");
    await page.getByTestId("hub-author").fill("shelf");
    await shown(page, "shelf/jar-39", "shelf/jar-38", "shelf/jar-37");
    await page.getByText("30 found, there are more").waitFor({ timeout: TIMEOUT });
    await page.getByTestId("hub-more").click();
    await page.getByText("40 found").waitFor({ timeout: TIMEOUT });
    await page.getByTestId("hub-more").waitFor({ state: "hidden", timeout: TIMEOUT });
    await page.getByTestId("hub-format").selectOption("gguf");
    await shown(page, "shelf/jar-39", "shelf/jar-37");
    await page.getByTestId("hub-size").selectOption("40-");
    await page.getByRole("button", { name: "Show what is trending" }).click();
    await page.getByTestId("hub-row").first().waitFor({ timeout: TIMEOUT });
    check((await page.getByTestId("hub-author").inputValue()) === "", "the author is not cleared");
    await page.getByTestId("hub-type").selectOption("dataset");
    await shown(page, "acme/words");
    await page.getByTestId("hub-row").getByRole("link").click();
    await pane(page).getByTestId("start").waitFor({ timeout: TIMEOUT });
    await page.goBack();
    await shown(page, "acme/words");
  },

  /** The last question counts, and its answer alone. */
  async "search-superseded"(page) {
    await open(page);
    const given_up = nextRequest(page, "requestfailed", "/hub/search");
    await step("slow");
    await page.getByTestId("hub-words").fill("jar-0");
    await nextRequest(page, "request", "/hub/search");
    await page.getByTestId("hub-words").fill("tiny-7b-gg");
    await given_up;
    await step("released");
    await shown(page, "acme/tiny-7b-GGUF");
    check((await page.getByTestId("hub-row").count()) === 1, "the old answer came too");
  },

  /** The Hub's quota, and the Hub itself. */
  async "search-trouble"(page) {
    await page.getByRole("link", { name: "Search" }).click();
    await page.getByText("more questions in the next").waitFor({ timeout: TIMEOUT });
    await step("refuse");
    await page.getByTestId("hub-words").fill("other");
    await page.getByRole("alert").filter({ hasText: "too many requests" }).waitFor({ timeout: TIMEOUT });
    await page.getByText("by itself in").waitFor({ timeout: TIMEOUT });
    await page.screenshot({ path: `${shots}/search-refused.png` });
  },

  /** Nothing is asked offline, and that is said. */
  async "search-offline"(page) {
    await page.getByRole("link", { name: "Search" }).click();
    await page.getByRole("alert").filter({ hasText: "LARDER_OFFLINE" }).waitFor({ timeout: TIMEOUT });
    check(await page.getByRole("button", { name: "Try again" }).isHidden(), "a try that cannot help is offered");
  },

  async "search-looks"(page) {
    await open(page);
    await looksRight(page, shots, "search");
    await page.goto(`${base}#/search/acme/tiny-7b-GGUF`);
    await pane(page).getByTestId("start").and(page.locator(":enabled")).waitFor({ timeout: TIMEOUT });
    await looksRight(page, shots, "repository");
  },
};
