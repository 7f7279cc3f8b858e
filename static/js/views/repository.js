// @ts-check
// One repository of the Hub, chosen from a search: what it is, and the choice of what to download of it.
/** @import { Found, HubModel } from "../core/types.js" */
/** @import { Parts, Served } from "../main.js" */
import { ApiError, isAbort } from "../core/api.js";
import { fill, h, icon, show, text } from "../core/dom.js";
import { count, number, plain, safeUrl, since } from "../core/format.js";
import { parameters } from "../core/parameters.js";
import { link } from "../core/router.js";
import { t } from "../core/words.js";
import { readme } from "../ui/readme.js";
import { styles } from "../ui/styles.js";
import { pasteForm, ready } from "./paste-form.js";

await Promise.all([ready, styles("readme"), styles("settings")]);

const HUB_TIMEOUT_MS = 90_000;

/**
 * @param {HTMLElement} root @param {string} path as it is pasted: owner/name, datasets/owner/name
 * @param {Found|null} row what a search says of it @param {Parts & Served} parts @returns {() => void} unmount
 */
export function repository(root, path, row, parts) {
  const life = new AbortController();
  const { signal } = life;
  const name = h("h2", { tabIndex: -1 }, h("bdi", {}, plain(path)));
  const help = h("p", { class: "help" });
  const node = h("div", { class: "card paste" }, help);
  const figures = h("dl", { class: "figures", data: { testid: "facts" } });
  const gated = h("p", { class: "help", hidden: true });
  const issues = h("ul", { class: "scan-issues", hidden: true });
  const words = h("p", { class: "help", role: "status" }, t("Reading the card…"));
  const card = h(
    "section",
    { class: "card settings-box", "aria-labelledby": "card-title" },
    h("h3", { id: "card-title" }, t("Model card")),
    words,
  );
  fill(
    root,
    h(
      "section",
      { class: "section repository", ariaLabel: path, data: { testid: "repository" } },
      h("a", { class: "model-back", href: link("search") }, icon("left"), t("Back to the list")),
      name,
      figures,
      gated,
      issues,
      node,
      card,
    ),
  );
  const form = pasteForm({
    ...parts,
    node,
    input: h("textarea"), // what is asked for is chosen, not typed
    clear: h("button"),
    help,
    keeps: false,
    signal,
    reveal: () => signal.aborted || location.assign(link("search")),
  });
  form.take(path);

  let failed = false;

  /** @param {Found|HubModel} known */
  function drawFacts(known) {
    const facts = factsOf(known);
    show(figures, facts.length > 0);
    fill(
      figures,
      ...facts.map(([term, said]) =>
        h("div", { class: "figure" }, h("dt", {}, term), h("dd", {}, h("bdi", {}, plain(said)))),
      ),
    );
  }

  /** @param {HubModel} model */
  function draw(model) {
    drawFacts(model);
    const page = safeUrl(model.page);
    if (model.scan?.issues_total) {
      const { issues: told, issues_total: all } = model.scan;
      const paths = told.length < all ? [] : told.map(({ path }) => path);
      form.warn(t("The Hub’s scan has found something in these files: see above."), paths);
    }
    show(gated, !!model.gated);
    if (model.gated) {
      fill(
        gated,
        model.gated === "auto"
          ? t("Whoever agrees to its terms at the Hub may have it, with the token of that account.")
          : t("Its owner decides who may have it: ask at the Hub, with the account of your token."),
        page && " ",
        page && outside(page, t("Open its page")),
      );
      void lookAtToken();
    }
    show(issues, !!model.scan?.issues_total);
    fill(issues, ...(model.scan?.issues ?? []).map(({ path, level }) => h("li", {}, plain(`${level}: ${path}`))));
    text(words, model.card_problem ?? (model.card ? "" : t("It has none.")));
    show(words, !!words.textContent);
    if (model.card) card.append(readme(model.card));
    if (model.card_is_cut)
      card.append(
        h("p", { class: "help" }, t("It goes on at the Hub."), " ", page && outside(page, t("Open its page"))),
      );
  }

  /** Who has none is told before the download fails. */
  async function lookAtToken() {
    const token = await parts.api.call("GET", "token", { signal, timeout: HUB_TIMEOUT_MS }).catch(() => null);
    if (token?.set === false)
      gated.append(" ", t("Larder has no token."), " ", h("a", { href: link("settings") }, t("Give it one")));
  }

  async function load() {
    failed = false;
    const isDataset = path.startsWith("datasets/");
    const repo = path
      .replace(/^datasets\//, "")
      .split("/")
      .map(encodeURIComponent)
      .join("/");
    try {
      draw(
        await parts.api.call("GET", `hub/models/${repo}${isDataset ? "?type=dataset" : ""}`, {
          signal,
          timeout: HUB_TIMEOUT_MS,
        }),
      );
    } catch (error) {
      if (isAbort(error)) return;
      if (!(error instanceof ApiError)) throw error;
      text(words, error.message);
      failed = true;
    }
  }

  parts.store.subscribe("recovered", () => failed && load(), signal);
  if (row) drawFacts(row);
  else show(figures, false);
  load();
  name.focus({ preventScroll: true });
  return () => {
    life.abort();
    fill(root);
  };
}

/** @param {string} url @param {string} words */
const outside = (url, words) =>
  h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, words, icon("external"));

/** What the Hub's scanners say. @param {HubModel["scan"]} scan */
function scanText(scan) {
  if (!scan) return "";
  if (scan.issues_total) return count(scan.issues_total, "{n} file with issues", "{n} files with issues");
  return scan.done ? t("nothing found") : t("not done yet");
}

/** @param {Found|HubModel} row @returns {[string, string][]} */
const factsOf = (row) =>
  /** @type {[string, string][]} */ ([
    [t("Parameters"), row.parameters ? parameters(row.parameters) : ""],
    [t("Context"), row.context_length ? number(row.context_length) : ""],
    [t("Architecture"), row.architecture ?? ""],
    [t("Made of"), row.base_model ?? ""],
    [t("Licence"), row.licence ?? ""],
    [t("Last change"), row.modified_at ? since(row.modified_at, Date.now()) : ""],
    [t("Monthly downloads"), number(row.downloads)],
    [t("Likes"), number(row.likes)],
    [t("The Hub’s scan"), "scan" in row ? scanText(row.scan) : ""],
  ]).filter(([, words]) => words);
