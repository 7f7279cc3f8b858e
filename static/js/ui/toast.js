// @ts-check
// Short words about what just happened. Errors stay until closed; the rest leaves by itself, not while looked at.
import { h, icon } from "../core/dom.js";
import { t } from "../core/words.js";

const STAY_MS = 6000;
const OFFER_STAY_MS = 20_000;
const MOST = 4;
const ICONS = { info: "info", success: "check", warning: "alert", error: "alert" };

/** @param {HTMLElement} box */
export function toasts(box) {
  /** @type {Map<string, () => void>} */
  const open = new Map();
  let serial = 0;

  /** A second one with the same key takes the place of the first. With an offer it stays longer.
   * @type {import("../core/actions.js").Tell} */
  return (kind, message, key = String(++serial), offer) => {
    open.get(key)?.();
    let timer = 0;
    const close = () => {
      clearTimeout(timer);
      node.remove();
      if (open.get(key) === close) open.delete(key);
    };
    const wait = () => {
      if (kind !== "error") timer = setTimeout(close, offer ? OFFER_STAY_MS : STAY_MS);
    };
    const node = h(
      "div",
      {
        class: "toast toast-" + kind,
        role: kind === "error" ? "alert" : null,
        on: {
          mouseenter: () => clearTimeout(timer),
          mouseleave: wait,
          focusin: () => clearTimeout(timer),
          focusout: wait,
        },
      },
      icon(ICONS[kind]),
      h("p", {}, message),
      offer
        ? h(
            "button",
            {
              type: "button",
              class: "button button-quiet",
              data: { testid: "toast-offer" },
              on: { click: () => (close(), offer.run()) },
            },
            offer.label,
          )
        : null,
      h(
        "button",
        { type: "button", class: "button-icon", ariaLabel: t("Close message"), on: { click: close } },
        icon("close"),
      ),
    );
    box.append(node);
    open.set(key, close);
    if (open.size > MOST) open.values().next().value?.();
    wait();
  };
}
