// @ts-check
// Short words about what just happened. Errors stay until closed; the rest leaves by itself, not while looked at.
import { h, icon } from "../core/dom.js";

const STAY_MS = 6000;
const MOST = 4;
const ICONS = { info: "info", success: "check", warning: "alert", error: "alert" };

/** @param {HTMLElement} box */
export function toasts(box) {
  /** @type {Map<string, () => void>} */
  const open = new Map();
  let serial = 0;

  /** A second one with the same key takes the place of the first.
   * @param {"info"|"success"|"warning"|"error"} kind @param {string} message @param {string} [key] */
  return (kind, message, key = String(++serial)) => {
    open.get(key)?.();
    let timer = 0;
    const close = () => {
      clearTimeout(timer);
      node.remove();
      if (open.get(key) === close) open.delete(key);
    };
    const wait = () => {
      if (kind !== "error") timer = setTimeout(close, STAY_MS);
    };
    const node = h(
      "div",
      {
        class: "toast toast-" + kind,
        role: kind === "error" ? "alert" : null,
        on: { mouseenter: () => clearTimeout(timer), mouseleave: wait },
      },
      icon(ICONS[kind]),
      h("p", {}, message),
      h(
        "button",
        { type: "button", class: "button-icon", ariaLabel: "Close message", on: { click: close } },
        icon("close"),
      ),
    );
    box.append(node);
    open.set(key, close);
    if (open.size > MOST) open.values().next().value?.();
    wait();
  };
}
