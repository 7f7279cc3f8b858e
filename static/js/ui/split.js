// @ts-check
// A list, and beside it one of its things; where there is no room, the one is in the other's place. Which one is open
// stands in the address; who comes back finds the list where it was.
import { attr, fill } from "../core/dom.js";
import { link } from "../core/router.js";

/**
 * @param {{ root: HTMLElement, shelf: HTMLElement, place: HTMLElement, list: { node: HTMLElement, draw: () => void },
 *   view: string, focus: HTMLElement, open: (name: string) => () => void }} parts
 * `view` and a name are the address of a thing; `open` shows it in `place` and gives back what takes it away; `focus` is
 * where one is when the row that one came from has gone.
 */
export function split({ root, shelf, place, list, view, focus, open }) {
  let opened = "";
  let close = () => {};
  let scrolled = 0; // where the list was when a thing took its place

  root.classList.add("view-split");
  fill(root, shelf, place);

  /** @param {HTMLElement} anchor of a row */
  const mark = (anchor) =>
    attr(anchor, "aria-current", opened && anchor.getAttribute("href") === link(view, opened) ? "true" : null);

  return {
    mark,
    get opened() {
      return opened;
    },

    /** @param {string} name "": none */
    move(name) {
      if (!opened && name) scrolled = scrollY;
      close();
      close = () => {};
      const before = opened;
      opened = name;
      root.classList.toggle("view-open", name !== "");
      fill(place);
      if (name) close = open(name);
      list.draw();
      for (const anchor of /** @type {NodeListOf<HTMLElement>} */ (list.node.querySelectorAll(".shelf-link")))
        mark(anchor);
      if (before && !name) {
        scrollTo(0, scrolled);
        requestAnimationFrame(() => {
          const anchor = list.node.querySelector(`[href="${CSS.escape(link(view, before))}"]`);
          /** @type {HTMLElement} */ (anchor ?? focus).focus({ preventScroll: true });
        });
      }
      if (name && getComputedStyle(shelf).display === "none") scrollTo(0, 0);
    },

    leave() {
      close();
      root.replaceChildren();
      root.classList.remove("view-split", "view-open");
    },
  };
}
