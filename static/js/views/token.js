// @ts-check
// The Hub's token: set and forgotten, never shown. A part of the settings.
/** @import { Token } from "../core/types.js" */
/** @import { Parts, Served } from "../main.js" */
import { ApiError } from "../core/api.js";
import { h, icon, show, text } from "../core/dom.js";
import { isolate } from "../core/format.js";
import { t } from "../core/words.js";
import { field } from "../ui/field.js";

/** @param {Pick<Parts & Served, "api"|"tell"> & { signal: AbortSignal }} parts */
export function tokenForm({ api, tell, signal }) {
  let busy = false;
  /** @type {Token|null} */
  let token = null;

  const state = h("p", { role: "status", data: { testid: "token-state" } });
  const input = field(
    h("input", {
      type: "password",
      maxLength: 1024,
      spellcheck: false,
      autocomplete: "off",
      data: { testid: "token" },
    }),
    t("Token of the Hub"),
    t(
      "For models that one must ask for, private ones, and more questions an hour. It is asked whose it is, then sealed.",
    ),
  );
  const save = h(
    "button",
    { type: "submit", class: "button", data: { testid: "token-save" } },
    icon("check"),
    t("Use this token"),
  );
  const forget = h(
    "button",
    {
      type: "button",
      class: "button button-quiet",
      hidden: true,
      data: { testid: "token-forget" },
      signal,
      on: { click: () => change("DELETE", undefined, t("The token is forgotten.")) },
    },
    icon("trash"),
    t("Forget it"),
  );
  const node = h(
    "form",
    {
      class: "settings-form",
      signal,
      on: {
        submit: (/** @type {Event} */ event) => {
          event.preventDefault();
          const words = input.control.value.trim();
          if (words) change("PUT", { token: words }, t("The token is in use."));
        },
      },
    },
    state,
    input.node,
    h("p", { class: "settings-tools" }, save, forget),
  );

  function draw() {
    if (!token) return;
    const whose = token.account
      ? token.role
        ? t("It is {account}’s, and may “{role}”.", { account: isolate(token.account), role: isolate(token.role) })
        : t("It is {account}’s.", { account: isolate(token.account) })
      : "";
    text(
      state,
      token.source === "stored"
        ? `${t("A token is kept here.")} ${whose}`
        : token.source === "environment"
          ? `${t("A token comes from the server’s configuration; one that is set here goes before it.")} ${whose}`
          : t("There is none: Larder is a stranger to the Hub."),
    );
    show(forget, token.source === "stored");
  }

  /** @param {string} method @param {{ token: string }|undefined} body @param {string} said */
  async function change(method, body, said) {
    if (busy) return;
    busy = true;
    input.setProblem(null);
    try {
      token = await api.change(method, "token", { body, timeout: 45_000 });
      input.control.value = "";
      if (document.activeElement === forget) input.control.focus(); // the button goes
      tell("success", said, "token");
      draw();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      input.setProblem(error);
    } finally {
      busy = false;
    }
  }

  async function load() {
    try {
      token = await api.call("GET", "token", { signal, timeout: 45_000 });
      draw();
    } catch (error) {
      if (!signal.aborted && !(error instanceof ApiError)) throw error;
    }
  }
  load();
  return { node, load };
}
