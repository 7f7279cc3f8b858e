// @ts-check
// A row of a shelf (ui/window-list.js): the name of a repository, a line about it, and what is to be said of it besides.
import { attr, h, text } from "../core/dom.js";

/** @param {string} testid */
export function shelfRow(testid) {
  const owner = h("span", { class: "repo-owner" });
  const name = h("span", {});
  const whole = h("bdi", { class: "shelf-name" }, owner, name);
  const meta = h("span", { class: "shelf-meta" });
  const marks = h("span", { class: "shelf-marks" });
  const anchor = h("a", { class: "shelf-link" }, whole, meta);
  const node = h("li", { class: "shelf-row", data: { testid } }, anchor, marks);
  return {
    node,
    anchor,
    marks,
    /** @param {string} href @param {string} repo owner/name, fit to be shown @param {string} about */
    draw(href, repo, about) {
      const cut = repo.lastIndexOf("/") + 1;
      attr(anchor, "href", href);
      attr(whole, "title", repo);
      text(owner, repo.slice(0, cut));
      text(name, repo.slice(cut));
      text(meta, about);
    },
  };
}
