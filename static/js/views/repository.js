// @ts-check
// One repository of the Hub, chosen from a search: what it is, and the choice of what to download of it.
/** @import { Found } from "../core/types.js" */
/** @import { Parts, Served } from "../main.js" */
import { fill, h, icon } from "../core/dom.js";
import { number, plain } from "../core/format.js";
import { parameters } from "../core/parameters.js";
import { link } from "../core/router.js";
import { t } from "../core/words.js";
import { pasteForm, ready } from "./paste-form.js";

await ready;

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
  const facts = row ? factsOf(row) : [];
  fill(
    root,
    h(
      "section",
      { class: "section repository", ariaLabel: path, data: { testid: "repository" } },
      h("a", { class: "model-back", href: link("search") }, icon("left"), t("Back to the list")),
      name,
      facts.length > 0 &&
        h(
          "dl",
          { class: "figures" },
          ...facts.map(([term, words]) =>
            h("div", { class: "figure" }, h("dt", {}, term), h("dd", {}, h("bdi", {}, plain(words)))),
          ),
        ),
      node,
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
  name.focus({ preventScroll: true });
  return () => {
    life.abort();
    fill(root);
  };
}

/** @param {Found} row @returns {[string, string][]} */
const factsOf = (row) =>
  /** @type {[string, string][]} */ ([
    [t("Parameters"), row.parameters ? parameters(row.parameters) : ""],
    [t("Context"), row.context_length ? number(row.context_length) : ""],
    [t("Architecture"), row.architecture ?? ""],
    [t("Made of"), row.base_model ?? ""],
    [t("Licence"), row.licence ?? ""],
    [t("Monthly downloads"), number(row.downloads)],
    [t("Likes"), number(row.likes)],
  ]).filter(([, words]) => words);
