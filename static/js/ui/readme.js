// @ts-check
// A model's card. The server sends a stream of tokens, not markup; elements are made here, of this list and no other.
import { h, icon } from "../core/dom.js";
import { plain, safeUrl } from "../core/format.js";
import { t } from "../core/words.js";

/** @typedef {(string|null|[string, ...(string|number|boolean)[]])} Token */

const INLINE = new Set(["p", "blockquote", "em", "strong", "del", "code", "ul", "table", "tr", "br", "hr"]);
const ENDS_ITSELF = new Set(["br", "hr", "img"]);
const HEADINGS_ABOVE = 3; // of the page, the repository and the card itself

/**
 * An image is not loaded: it is a link, for whoever wants to see it.
 * @param {any} address @param {any} words @param {boolean} [isInLink] a link has no other in it
 */
function image(address, words, isInLink = false) {
  const url = safeUrl(String(address));
  const said = plain(String(words ?? "")) || t("Image");
  if (!url || isInLink) return h("span", { class: "readme-image" }, said); // the link leads elsewhere
  return h(
    "a",
    { href: url, target: "_blank", rel: "noopener noreferrer", class: "readme-image", title: new URL(url).host },
    icon("external"),
    said,
  );
}

/** @param {any} address */
function anchor(address) {
  const url = /^mailto:/i.test(String(address)) ? String(address) : safeUrl(String(address));
  return url ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }) : h("span");
}

/**
 * The element of a token, and where its content goes. @param {Exclude<Token, string|null>} token
 * @param {Node} inner what it will be in @returns {[Node, Node]}
 */
function element([name, first, second], inner) {
  /** @param {HTMLElement} node @returns {[Node, Node]} */
  const same = (node) => [node, node];
  if (INLINE.has(name) && name !== "table") return same(h(/** @type {"p"} */ (name)));
  if (/^h[1-6]$/.test(name)) return same(h(/** @type {"h4"} */ (`h${Math.min(6, Number(name[1]) + HEADINGS_ABOVE)}`)));
  if (name === "a") return same(anchor(first));
  if (name === "img") return same(image(first, second, inner instanceof Element && inner.closest("a") !== null));
  if (name === "ol") return same(h("ol", { start: Number(first) || 1 }));
  if (name === "li") return same(h("li", {}, typeof first === "boolean" ? (first ? "☑ " : "☐ ") : null));
  if (name === "th" || name === "td") {
    const cell = h(name, { class: first ? `cell-${plain(String(first))}` : null });
    if (name === "th") cell.scope = "col";
    return same(cell);
  }
  if (name === "pre") {
    const code = h("code");
    return [h("pre", { tabIndex: 0 }, code), code];
  }
  if (name === "table") {
    const table = h("table");
    return [h("div", { class: "readme-table", tabIndex: 0, role: "group", ariaLabel: t("Table") }, table), table];
  }
  return same(h("span"));
}

/** @param {Token[]} tokens */
export function readme(tokens) {
  const root = h("div", { class: "readme", data: { testid: "readme" } });
  /** @type {Node[]} */
  const open = [root];
  for (const token of tokens) {
    const inner = open[open.length - 1];
    if (typeof token === "string") inner.appendChild(document.createTextNode(token));
    else if (token === null) open.length > 1 && open.pop();
    else {
      const [outer, content] = element(token, inner);
      inner.appendChild(outer);
      if (!ENDS_ITSELF.has(token[0])) open.push(content);
    }
  }
  return root;
}
