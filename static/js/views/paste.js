// @ts-check
// The paste box as it is before anybody uses it. What makes something of the text (paste-form.js) comes with the first use.
/** @import { Parts } from "../main.js" */
import { h, icon } from "../core/dom.js";
import { late } from "../core/late.js";
import { t } from "../core/words.js";

/** @param {Omit<Parts, "rest"> & { signal: AbortSignal, reveal: (id: string) => void }} parts */
export function paste(parts) {
  const { signal, store } = parts;
  const input = h("textarea", {
    id: "paste",
    class: "paste-input",
    rows: 1,
    maxLength: 999_999,
    spellcheck: false,
    autocapitalize: "off",
    autocomplete: "off",
    placeholder: t("Paste a model here"),
    enterKeyHint: "go",
    "aria-describedby": "paste-help",
    data: { testid: "paste" },
  });
  const clear = h(
    "button",
    { type: "button", class: "button-icon paste-clear", ariaLabel: t("Clear"), title: t("Clear"), hidden: true },
    icon("close"),
  );
  const help = h(
    "p",
    { class: "help", id: "paste-help" },
    t(
      "A name like owner/name or owner/name:Q4_K_M, any address on the Hub, a whole command such as “hf download …”, a list of these (Shift+Enter makes a line), or a ComfyUI workflow.",
    ),
  );
  const node = h(
    "section",
    { class: "card paste", ariaLabel: t("New download") },
    h(
      "div",
      { class: "field" },
      h("label", { htmlFor: "paste" }, t("What would you like to download?")),
      h("div", { class: "paste-box" }, input, clear),
      help,
    ),
  );

  const load = late(async () => {
    const { pasteForm, ready } = await import("./paste-form.js");
    await ready;
    return pasteForm({ ...parts, node, input, clear, help, keeps: true });
  });

  input.addEventListener("focus", () => load().catch(() => {}), { signal });
  input.addEventListener(
    "input",
    (event) => {
      store.draft = input.value;
      const pasted = /** @type {InputEvent} */ (event).inputType === "insertFromPaste";
      load().then(({ changed }) => changed(pasted));
    },
    { signal },
  );
  input.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      load().then(({ enter }) => enter());
    },
    { signal },
  );
  // Pasting anywhere means pasting here; so does "/".
  document.addEventListener(
    "paste",
    (event) => {
      const words = event.clipboardData?.getData("text/plain").trim();
      if (isEditable(event.target) || !words || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      load().then(({ take }) => take(words));
    },
    { signal },
  );
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isEditable(event.target) || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      input.focus();
    },
    { signal },
  );
  if (store.draft) {
    const { draft } = store;
    load().then(({ take }) => take(draft));
  }
  return node;
}

/** @param {EventTarget|null} target */
export const isEditable = (target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select"));
