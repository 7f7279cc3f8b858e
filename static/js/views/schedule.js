// @ts-check
// The weekly schedule: hours in which all is paused or the speed is limited.
/** @import { Hours } from "../core/types.js" */
import { fill, h, icon, show, text } from "../core/dom.js";
import { locale, t } from "../core/words.js";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MB = 1e6;
const MOST = 32;
const NEW = {
  days: ["mon", "tue", "wed", "thu", "fri"],
  from: "08:00",
  to: "18:00",
  action: "limit",
  bandwidth_limit: MB,
};

/** Monday is 2024-01-01. @param {number} i */
const dayName = (i) =>
  new Intl.DateTimeFormat(locale, { weekday: "short", timeZone: "UTC" }).format(new Date(Date.UTC(2024, 0, 1 + i)));

/** @param {AbortSignal} signal @param {(next: Partial<Hours>[]) => void} save */
export function schedule(signal, save) {
  /** @type {Hours[]} */
  let entries = [];
  let shown = "";
  const list = h("ul", { class: "hours" });
  const good = h("p", { class: "good", hidden: true, role: "status" });
  const none = h("p", { class: "help" }, t("Without hours the limit above holds all the time."));
  const add = h(
    "button",
    {
      type: "button",
      class: "button button-small",
      data: { testid: "add-hours" },
      signal,
      on: { click: () => change([...entries, /** @type {Hours} */ (structuredClone(NEW))]) },
    },
    icon("plus"),
    t("Add hours"),
  );
  const node = h(
    "section",
    { class: "schedule", "aria-labelledby": "schedule-title" },
    h("h3", { id: "schedule-title" }, t("Hours")),
    none,
    list,
    h("div", { class: "trash-tools" }, add, good),
  );

  /** @param {Hours[]} next */
  function change(next) {
    entries = next;
    draw();
    save(next.map(({ bandwidth_limit, ...rest }) => (rest.action === "limit" ? { ...rest, bandwidth_limit } : rest)));
  }

  /** @param {number} at @param {Partial<Hours>} patch */
  const set = (at, patch) => change(entries.map((entry, i) => (i === at ? { ...entry, ...patch } : entry)));

  function draw() {
    shown = JSON.stringify(entries);
    show(none, entries.length === 0);
    add.disabled = entries.length >= MOST;
    fill(list, ...entries.map(row));
  }

  /** @param {Hours} entry @param {number} at */
  function row(entry, at) {
    const time = (/** @type {"from"|"to"} */ name, /** @type {string} */ label) => {
      const control = h("input", {
        type: name === "to" && entry.to === "24:00" ? "text" : "time",
        value: entry[name],
        ariaLabel: label,
        required: true,
        on: { change: () => control.value && set(at, { [name]: control.value }) },
      });
      return control;
    };
    const action = h(
      "select",
      {
        ariaLabel: t("What then"),
        on: {
          change: () =>
            set(at, {
              action: /** @type {Hours["action"]} */ (action.value),
              bandwidth_limit: action.value === "limit" ? (entry.bandwidth_limit ?? MB) : null,
            }),
        },
      },
      h("option", { value: "limit" }, t("at most")),
      h("option", { value: "pause" }, t("all paused")),
    );
    action.value = entry.action;
    const limit = h("input", {
      type: "number",
      min: "0.001",
      step: "any",
      value: String((entry.bandwidth_limit ?? MB) / MB),
      ariaLabel: t("Megabytes a second"),
      on: {
        change: () => {
          const bps = Math.round(Number(limit.value) * MB);
          if (bps >= 1) set(at, { bandwidth_limit: bps });
        },
      },
    });
    return h(
      "li",
      { class: "hours-entry", data: { testid: "hours" } },
      h(
        "fieldset",
        { class: "hours-days" },
        h("legend", { class: "unseen" }, t("Days")),
        ...DAYS.map((day, i) => {
          const control = h("input", {
            type: "checkbox",
            checked: entry.days.includes(day),
            on: {
              change: () => {
                const days = DAYS.filter((one) => (one === day ? control.checked : entry.days.includes(one)));
                if (days.length) set(at, { days });
                else control.checked = true; // hours of no day are removed, not emptied
              },
            },
          });
          return h("label", {}, control, dayName(i));
        }),
      ),
      h("span", { class: "hours-times" }, time("from", t("From")), "–", time("to", t("To"))),
      action,
      entry.action === "limit" ? h("span", { class: "hours-limit" }, limit, "MB/s") : null,
      h(
        "button",
        {
          type: "button",
          class: "button-icon",
          ariaLabel: t("Remove these hours"),
          title: t("Remove these hours"),
          on: { click: () => change(entries.filter((_, i) => i !== at)) },
        },
        icon("trash"),
      ),
    );
  }

  draw();
  return {
    node,
    /** What the server has. @param {Hours[]} next */
    update(next) {
      if (JSON.stringify(next) === shown || list.contains(document.activeElement)) return;
      entries = next;
      draw();
    },
    /** @param {string} sentence */
    setGood(sentence) {
      show(good, sentence !== "");
      text(good, sentence);
    },
  };
}
