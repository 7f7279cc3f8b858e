// @ts-check
// A plain question with two answers. Escape and a click beside it mean no.
import { h } from "../core/dom.js";

/** @param {{ title: string, message: string, yes: string, no: string }} question @returns {Promise<boolean>} */
export function confirm({ title, message, yes, no }) {
  return new Promise((resolve) => {
    const answer = (/** @type {string} */ value) => () => node.close(value);
    const node = h(
      "dialog",
      {
        class: "dialog",
        "aria-labelledby": "dialog-title",
        "aria-describedby": "dialog-text",
        on: {
          close: () => {
            removeEventListener("hashchange", leave);
            node.remove();
            resolve(node.returnValue === "yes");
          },
          click: (/** @type {Event} */ event) => event.target === node && node.close(""),
        },
      },
      h(
        "div",
        { class: "dialog-body" },
        h("h2", { id: "dialog-title" }, title),
        h("p", { id: "dialog-text" }, message),
        h(
          "div",
          { class: "dialog-buttons" },
          h(
            "button",
            {
              type: "button",
              class: "button",
              autofocus: true,
              data: { testid: "dialog-no" },
              on: { click: answer("") },
            },
            no,
          ),
          h(
            "button",
            {
              type: "button",
              class: "button button-danger",
              data: { testid: "dialog-yes" },
              on: { click: answer("yes") },
            },
            yes,
          ),
        ),
      ),
    );
    const leave = () => node.close(""); // it asked about what is not there any more
    addEventListener("hashchange", leave);
    document.body.append(node);
    node.showModal();
  });
}
