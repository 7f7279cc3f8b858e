// @ts-check
// Above the queue: how fast it goes, and what makes it go slower: all paused, the slow toggle, the limit.
/** @import { Parts } from "../main.js" */
import { attr, fill, h, icon, show, text } from "../core/dom.js";
import { moment, rate } from "../core/format.js";
import { link } from "../core/router.js";
import { put, t } from "../core/words.js";
import { styles } from "../ui/styles.js";
import { speedChart } from "../ui/speed-chart.js";

/** What holds the speed down, by settings.effect.why. @type {Record<string, string>} */
const WHY = {
  paused: t("All downloads are paused."),
  schedule: t("The schedule holds until {time}."),
  slow: t("Slow: at most {rate}."),
  limit: t("At most {rate}."),
};

/** @param {HTMLElement} box @param {Omit<Parts, "rest"> & { signal: AbortSignal }} parts */
export async function mount(box, { store, act, signal }) {
  await styles("queue-tools");
  const chart = speedChart(t("Speed of the last two minutes"));
  const pause = h("button", {
    type: "button",
    class: "button button-small",
    data: { testid: "pause-all" },
    signal,
    on: { click: () => act("set", { paused: !store.settings?.paused }) },
  });
  const slow = h(
    "button",
    {
      type: "button",
      class: "button button-small",
      ariaPressed: "false",
      data: { testid: "slow" },
      signal,
      on: { click: () => act("set", { slow: !store.settings?.slow }) },
    },
    icon("snail"),
    t("Slow"),
  );
  const note = h("span", { class: "queue-note", role: "status" });
  const controls = h(
    "div",
    { class: "queue-controls" },
    pause,
    slow,
    h("a", { class: "button button-small", href: link("settings") }, icon("clock"), t("Limit and hours")),
    note,
  );

  function drawSettings() {
    const { settings } = store;
    show(controls, settings !== null);
    if (!settings) return;
    const { effect } = settings;
    fill(pause, icon(settings.paused ? "play" : "pause"), settings.paused ? t("Resume all") : t("Pause all"));
    attr(slow, "aria-pressed", String(settings.slow));
    attr(slow, "title", t("At most {rate} while it is on", { rate: rate(settings.slow_limit) }));
    text(
      note,
      put(WHY[effect.why] ?? "", {
        rate: rate(effect.bandwidth_limit),
        time: effect.until ? moment(effect.until) : t("it is changed"),
      }),
    );
  }

  function drawChart() {
    show(chart.node, store.totals().jobs > 0 && store.speeds.some((speed) => speed > 0));
    if (!chart.node.hidden && !document.hidden) chart.update(store.speeds);
  }

  fill(box, controls, chart.node);
  store.subscribe("settings", drawSettings, signal);
  store.subscribe("tick", drawChart, signal);
  drawSettings();
  drawChart();
}
