// @ts-check
// A list of any length, of which only the rows in sight are nodes, and those are used again for others. It scrolls with the
// page; all rows have one height, which the style sheet sets.
import { attr, h } from "../core/dom.js";

const OVER = 4; // rows drawn above and below what is in sight

/**
 * @template T
 * @param {string} label @param {(item: T) => string} key
 * @param {() => { node: HTMLElement, update: (item: T) => void }} create a row that can be any item's
 * @param {AbortSignal} signal
 */
export function windowList(label, key, create, signal) {
  /** @typedef {ReturnType<typeof create>} Row */
  /** @type {T[]} */
  let items = [];
  let height = 0; // of a row, px
  let scheduled = false;
  /** By the key of what they show. @type {Map<string, Row>} */
  let rows = new Map();
  /** Out of use. @type {Row[]} */
  const spare = [];
  const node = h("ul", { class: "window-list", ariaLabel: label });

  function measure() {
    height = parseFloat(getComputedStyle(node).getPropertyValue("grid-auto-rows")) || 64;
  }

  /** What is in sight now. */
  function inSight() {
    const { top } = node.getBoundingClientRect();
    const first = Math.max(0, Math.floor(-top / height) - OVER);
    const last = Math.min(items.length, Math.ceil((innerHeight - top) / height) + OVER);
    const wanted = items.slice(first, last).map((item, i) => ({ item, at: first + i, key: key(item) }));
    // Whoever stands in a row keeps it.
    const held = /** @type {HTMLElement|null} */ (document.activeElement?.closest(".window-list > li"))?.dataset.key;
    if (held !== undefined && rows.has(held) && !wanted.some((one) => one.key === held)) {
      const at = items.findIndex((item) => key(item) === held);
      if (at >= 0) wanted[at < first ? "unshift" : "push"]({ item: items[at], at, key: held });
    }
    return wanted;
  }

  function draw() {
    scheduled = false;
    if (!node.isConnected) return;
    if (!height) measure();
    const total = `${items.length * height}px`;
    if (node.style.height !== total) node.style.height = total;
    const wanted = inSight();
    const keys = new Set(wanted.map((one) => one.key));
    for (const [old, row] of rows) {
      if (keys.has(old)) continue;
      row.node.remove();
      spare.push(row);
    }
    const next = new Map();
    const focus = document.activeElement;
    let cursor = node.firstElementChild;
    for (const { item, at, key: own } of wanted) {
      const row = rows.get(own) ?? spare.pop() ?? create();
      next.set(own, row);
      row.node.dataset.key = own;
      row.node.style.top = `${at * height}px`;
      attr(row.node, "aria-posinset", at + 1);
      attr(row.node, "aria-setsize", items.length);
      row.update(item);
      if (row.node === cursor) cursor = cursor.nextElementSibling;
      else node.insertBefore(row.node, cursor);
    }
    rows = next;
    // Moving a row takes the focus from it.
    if (focus instanceof HTMLElement && focus !== document.activeElement && node.contains(focus))
      focus.focus({ preventScroll: true });
  }

  function schedule() {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(draw);
  }

  addEventListener("scroll", schedule, { passive: true, signal });
  addEventListener("resize", () => ((height = 0), schedule()), { signal });

  return {
    node,
    /** At once: the answer to a key is painted with the next frame. @param {T[]} next */
    update(next) {
      items = next;
      draw();
    },
    draw: schedule,
  };
}
