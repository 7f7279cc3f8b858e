// @ts-check
// What has happened since the page was opened. It is kept nowhere else.
/** @import { Line } from "../core/types.js" */
/** @import { Parts, Served } from "../main.js" */
import { fill, h, icon, keyed, show, text } from "../core/dom.js";
import { moment, number } from "../core/format.js";
import { t } from "../core/words.js";
import { styles } from "../ui/styles.js";

export const title = t("Activity");

await styles("lists");

/** @type {Record<string, [string, string]>} level: words, icon */
const LEVELS = {
  info: [t("Note"), "info"],
  success: [t("Success"), "check"],
  warning: [t("Warning"), "alert"],
  error: [t("Error"), "alert"],
};

/** @param {HTMLElement} root @param {Parts & Served} parts @returns {() => void} unmount */
export function mount(root, { store }) {
  const life = new AbortController();
  const { signal } = life;
  const level = h(
    "select",
    { ariaLabel: t("Which ones"), signal, on: { change: draw } },
    h("option", { value: "" }, t("Everything")),
    h("option", { value: "warning error" }, t("Warnings and errors")),
    h("option", { value: "error" }, t("Errors only")),
  );
  const words = h("input", {
    type: "search",
    maxLength: 200,
    placeholder: t("Filter"),
    ariaLabel: t("Filter"),
    data: { testid: "log-filter" },
    signal,
    on: { input: draw },
  });
  const clear = h(
    "button",
    {
      type: "button",
      class: "button",
      data: { testid: "log-clear" },
      signal,
      on: { click: () => (store.log.splice(0), store.touch("log")) },
    },
    icon("trash"),
    t("Clear"),
  );
  const note = h("span", { class: "section-note" });
  const list = h("ol", { class: "log" });
  const nothing = h("p", { class: "empty" });
  const patch = keyed(list, (/** @type {Line & { key: string }} */ line) => line.key, row);
  /** @type {WeakMap<Line, Line & { key: string }>} */
  const keys = new WeakMap();
  let serial = 0;

  /** @param {Line} line */
  function keyOf(line) {
    let known = keys.get(line);
    if (!known) keys.set(line, (known = { ...line, key: String(++serial) }));
    return known;
  }

  function draw() {
    const wanted = words.value.trim().toLowerCase();
    const found = store.log.filter(
      (line) =>
        (!level.value || level.value.split(" ").includes(line.level)) && line.message.toLowerCase().includes(wanted),
    );
    patch(found.toReversed().map(keyOf));
    text(note, store.log.length ? t("{n} of {all}", { n: number(found.length), all: number(store.log.length) }) : "");
    show(nothing, found.length === 0);
    fill(
      nothing,
      store.log.length === 0
        ? t("Nothing has happened since this page was opened.")
        : t("Nothing of that kind has happened."),
    );
  }

  fill(
    root,
    h(
      "section",
      { class: "section", "aria-labelledby": "activity-title" },
      h("header", { class: "section-head" }, h("h2", { id: "activity-title" }, title), note),
      h("div", { class: "tools" }, words, level, clear),
      nothing,
      list,
    ),
  );
  store.subscribe("log", draw, signal);
  draw();
  return () => {
    life.abort();
    root.replaceChildren();
  };
}

/** @param {Line & { key: string }} line */
function row({ at, level, message }) {
  const [words, image] = LEVELS[level];
  return {
    node: h(
      "li",
      { class: "log-line log-" + level },
      icon(image, words),
      h("bdi", { class: "log-words" }, message),
      h("time", { class: "log-time" }, moment(new Date(at).toISOString())),
    ),
    update() {},
  };
}
