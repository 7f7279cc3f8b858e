// @ts-check
// A small word beside a name.
import { h, icon } from "../core/dom.js";
import { plain } from "../core/format.js";

/** @param {string} words @param {"plain"|"good"|"warn"|"bad"} [tone] @param {string} [image] @param {string} [title] */
export function badge(words, tone = "plain", image, title) {
  return h(
    "span",
    { class: "badge badge-" + tone, title: title ?? "" },
    image ? icon(image) : null,
    h("bdi", {}, plain(words)),
  );
}
