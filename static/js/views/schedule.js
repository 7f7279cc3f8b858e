// @ts-check
// The weekly schedule: hours in which all is paused or the speed is limited. Rows are changed in place, a time when its field
// is left: browsers call it changed with every digit.
/** @import { Hours } from "../core/types.js" */
import { h, icon, show, text } from "../core/dom.js";
import { locale, t } from "../core/words.js";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MB = 1e6;
const MOST = 32;
const NEW = { days: DAYS.slice(0, 5), from: "08:00", to: "18:00", action: "limit", bandwidth_limit: MB };

/** Monday is 2024-01-01. @param {number} i */
const dayName = (i) =>
  new Intl.DateTimeFormat(locale, { weekday: "short", timeZone: "UTC" }).format(new Date(Date.UTC(2024, 0, 1 + i)));

/** A field of a time knows no 24:00, and the server takes 00:00 for the end of a day. @param {string} time */
const shownTime = (time) => (time === "24:00" ? "00:00" : time);

/** As the server takes it. @param {Hours} entry @returns {Partial<Hours>} */
const sent = ({ bandwidth_limit, ...rest }) => (rest.action === "limit" ? { ...rest, bandwidth_limit } : rest);

/** @param {AbortSignal} signal @param {(next: Partial<Hours>[]) => Promise<boolean>} save whether it is so now */
export function schedule(signal, save) {
  /** @type {{ entry: Hours, node: HTMLElement }[]} */
  let rows = [];
  /** What the server has. @type {Hours[]} */
  let known = [];
  let saving = false;
  let again = false; // something was changed while it was saved
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
      on: { click: () => (put(/** @type {Hours} */ (structuredClone(NEW))), changed()) },
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

  /** One save at a time, of all of it; what the server refuses is as it was. */
  async function changed() {
    drawFrame();
    again = saving;
    if (saving) return;
    saving = true;
    let isSaved = await save(rows.map(({ entry }) => sent(entry)));
    while (again && isSaved) {
      again = false;
      isSaved = await save(rows.map(({ entry }) => sent(entry)));
    }
    saving = again = false;
    show(good, isSaved);
    text(good, t("Saved."));
    if (!isSaved) draw(known);
    else drawKnown();
  }

  function drawFrame() {
    show(none, rows.length === 0);
    add.disabled = rows.length >= MOST;
  }

  /** @param {Hours[]} entries */
  function draw(entries) {
    rows = [];
    list.replaceChildren();
    for (const entry of entries) put(structuredClone(entry));
    drawFrame();
  }

  /** What has come from the server, unless it is what is shown; not under somebody's fingers. */
  function drawKnown() {
    if (saving || list.contains(document.activeElement)) return;
    const own = JSON.stringify(rows.map(({ entry }) => sent(entry)));
    if (own !== JSON.stringify(known.map(sent))) draw(known);
  }
  list.addEventListener("focusout", () => setTimeout(() => signal.aborted || drawKnown()), { signal });

  /** A row more. @param {Hours} entry */
  function put(entry) {
    entry.from = shownTime(entry.from);
    entry.to = shownTime(entry.to);
    const time = (/** @type {"from"|"to"} */ name, /** @type {string} */ label) => {
      const control = h("input", {
        type: "time",
        value: entry[name],
        ariaLabel: label,
        required: true,
        on: { blur: commit, keydown: (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && commit() },
      });
      function commit() {
        if (!control.value) control.value = entry[name];
        else if (control.value !== entry[name]) {
          entry[name] = control.value;
          changed();
        }
      }
      return control;
    };
    const action = h(
      "select",
      { ariaLabel: t("What then"), on: { change: act } },
      h("option", { value: "limit" }, t("at most")),
      h("option", { value: "pause" }, t("all paused")),
    );
    action.value = entry.action;
    function act() {
      entry.action = /** @type {Hours["action"]} */ (action.value);
      entry.bandwidth_limit ??= MB;
      show(limitBox, entry.action === "limit");
      changed();
    }
    const limit = h("input", {
      type: "number",
      min: "0.001",
      step: "any",
      value: String((entry.bandwidth_limit ?? MB) / MB),
      ariaLabel: t("Megabytes a second"),
      on: {
        change: () => {
          const bps = Math.round(Number(limit.value) * MB);
          if (limit.validity.badInput || bps < 1) limit.value = String((entry.bandwidth_limit ?? MB) / MB);
          else {
            entry.bandwidth_limit = bps;
            changed();
          }
        },
      },
    });
    const limitBox = h("span", { class: "hours-limit", hidden: entry.action !== "limit" }, limit, "MB/s");
    const row = h(
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
                if (days.length === 0)
                  control.checked = true; // hours of no day are removed, not emptied
                else {
                  entry.days = days;
                  changed();
                }
              },
            },
          });
          return h("label", {}, control, dayName(i));
        }),
      ),
      h("span", { class: "hours-times" }, time("from", t("From")), "–", time("to", t("To"))),
      action,
      limitBox,
      h(
        "button",
        {
          type: "button",
          class: "button-icon",
          ariaLabel: t("Remove these hours"),
          title: t("Remove these hours"),
          on: {
            click: () => {
              rows = rows.filter((one) => one.node !== row);
              row.remove();
              add.focus();
              changed();
            },
          },
        },
        icon("trash"),
      ),
    );
    rows.push({ entry, node: row });
    list.append(row);
  }

  drawFrame();
  return {
    node,
    /** What the server has. @param {Hours[]} next */
    update(next) {
      known = next;
      drawKnown();
    },
  };
}
