// @ts-check
// A list of any length, of which only the rows in sight are nodes. It scrolls with the page; all rows have one height, which
// the style sheet sets.
import { attr, h, keyed } from "../core/dom.js";

const OVER = 8; // rows drawn above and below what is in sight

/**
 * @template T
 * @param {string} label @param {(item: T) => string} key @param {(item: T) => import("../core/dom.js").Part<T>} create
 * @param {AbortSignal} signal
 */
export function windowList(label, key, create, signal) {
  /** @type {T[]} */
  let items = [];
  let height = 0; // of a row, px
  let scheduled = false;
  const node = h("ul", { class: "window-list", ariaLabel: label });
  /** @type {Map<string, number>} */
  let places = new Map();
  const patch = keyed(
    node,
    (/** @type {{ item: T, at: number }} */ { item }) => key(item),
    (first) => {
      const part = create(first.item);
      return {
        node: part.node,
        update({ item, at }) {
          part.node.style.top = `${at * height}px`;
          attr(part.node, "aria-posinset", at + 1);
          attr(part.node, "aria-setsize", items.length);
          part.update(item);
        },
        destroy: part.destroy,
      };
    },
  );

  function measure() {
    height = parseFloat(getComputedStyle(node).getPropertyValue("grid-auto-rows")) || 64;
  }

  function draw() {
    scheduled = false;
    if (!node.isConnected) return;
    measure();
    const total = `${items.length * height}px`;
    if (node.style.height !== total) node.style.height = total;
    const { top } = node.getBoundingClientRect();
    const first = Math.max(0, Math.floor(-top / height) - OVER);
    const last = Math.min(items.length, Math.ceil((innerHeight - top) / height) + OVER);
    const inSight = items.slice(first, last).map((item, i) => ({ item, at: first + i }));
    const held = focused(); // whoever stands in a row keeps it
    if (held !== undefined && (held < first || held >= last)) inSight.push({ item: items[held], at: held });
    patch(inSight);
  }

  /** The place of the row that has the focus. */
  function focused() {
    const row = document.activeElement?.closest("[data-key]");
    return row && node.contains(row) ? places.get(/** @type {HTMLElement} */ (row).dataset.key ?? "") : undefined;
  }

  function schedule() {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(draw);
  }

  addEventListener("scroll", schedule, { passive: true, signal });
  addEventListener("resize", schedule, { signal });

  return {
    node,
    /** At once: the answer to a key is painted with the next frame. @param {T[]} next */
    update(next) {
      items = next;
      places = new Map(next.map((item, at) => [key(item), at]));
      draw();
    },
    draw: schedule,
  };
}
