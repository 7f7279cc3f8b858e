// @ts-check
// What is fetched (light) and, in front of it, what is proven (full).
import { attr, h } from "../core/dom.js";
import { percent } from "../core/format.js";
import { t } from "../core/words.js";

/** @param {string} label */
export function progressBar(label) {
  const node = h(
    "div",
    { class: "bar", role: "progressbar", ariaLabel: label, ariaValueMin: "0", ariaValueMax: "100" },
    h("span", { class: "bar-done" }),
    h("span", { class: "bar-proven" }),
  );
  return {
    node,
    /** @param {number} done 0..1 @param {number} proven 0..1 @param {boolean} unknown nothing can be said yet */
    update(done, proven, unknown) {
      node.style.setProperty("--done", String(done));
      node.style.setProperty("--proven", String(Math.min(proven, done)));
      node.classList.toggle("bar-unknown", unknown);
      attr(node, "aria-valuenow", unknown ? null : Math.floor(done * 100));
      attr(
        node,
        "aria-valuetext",
        unknown
          ? t("not known yet")
          : t("{done} fetched, {proven} proven", { done: percent(done), proven: percent(proven) }),
      );
    },
  };
}
