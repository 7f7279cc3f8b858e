// @ts-check
// The Download page: the paste box, what is under way, what has ended.
/** @import { Download } from "../core/types.js" */
/** @import { Parts } from "../main.js" */
import { h, keyed, show, text } from "../core/dom.js";
import { late } from "../core/late.js";
import { count, duration, moment, number } from "../core/format.js";
import { t } from "../core/words.js";
import { styles } from "../ui/styles.js";
import { paste } from "./paste.js";

export const title = t("Downloads");

/** @param {HTMLElement} root @param {Parts} parts @returns {() => void} unmount */
export function mount(root, parts) {
  const { store, act, served } = parts;
  const life = new AbortController();
  const { signal } = life;

  const running = section("active", t("Downloads"));
  const ended = section("finished", t("Finished"));
  const older = h(
    "button",
    {
      type: "button",
      class: "button button-quiet",
      signal,
      on: { click: loadOlder },
    },
    t("Show older ones"),
  );
  ended.node.append(older);
  const tools = h("div", { class: "queue-tools" });
  const aged = h("p", { class: "aged", hidden: true, data: { testid: "aged" } });
  const welcome = h(
    "div",
    { class: "empty" },
    h("p", { class: "empty-lead" }, t("Nothing is downloading.")),
    h(
      "p",
      {},
      t(
        "Paste the name or the address of a model into the box. You will see what it holds and what it weighs before anything is fetched.",
      ),
    ),
  );
  const later = h("p", { class: "empty" }, t("The downloads appear here as soon as Larder answers."));
  running.list.before(aged, tools);
  running.node.append(welcome, later);

  /** Draws the rows, once what makes them has come: an empty queue does without.
   * @type {((active: Download[], finished: Download[]) => void)|null} */
  let patch = null;
  const loadRows = late(async () => {
    const [{ job }, { lists }, { begin }] = await Promise.all([
      import("./job.js"),
      served,
      import("./reorder.js"),
      styles("jobs"),
    ]);
    if (signal.aborted) return;
    const part = (/** @type {Download} */ d) => job(d, { ...parts, lists });
    const patchRunning = keyed(running.list, (d) => d.id, part);
    const patchEnded = keyed(ended.list, (d) => d.id, part);
    patch = (active, finished) => {
      patchRunning(active);
      patchEnded(finished);
    };
    running.list.addEventListener(
      "pointerdown",
      (event) => begin(event, running.list, (id, before) => act("placeBefore", id, before)),
      { signal },
    );
    draw();
  });

  async function loadOlder() {
    const { lists } = await served;
    lists.loadOlder().catch((error) => act("complain", error));
  }

  function draw() {
    const active = store.active();
    const finished = store.finished();
    const focused = /** @type {HTMLElement|null} */ (document.activeElement?.closest("[data-testid=download]"))?.dataset
      .id;
    const next = /** @type {HTMLElement|null} */ (focused && find(root, focused)?.nextElementSibling);
    if (!patch && active.length + finished.length > 0) loadRows().catch(() => {});
    patch?.(active, finished);
    // Whoever stood in a row that is elsewhere or gone goes on from there, or from the list.
    if (focused && document.activeElement === document.body)
      (find(root, focused) ?? next ?? root).focus({ preventScroll: true });
    show(welcome, store.loaded && active.length === 0);
    show(later, !store.loaded && store.trouble !== null && active.length === 0);
    show(ended.node, finished.length > 0);
    show(older, store.older !== null);
    if (finished.length > 0) text(ended.note, number(finished.length) + (store.older ? "+" : ""));
    drawTotals();
  }

  function drawTotals() {
    const { jobs, total, done, speed } = store.totals();
    text(
      running.note,
      [
        jobs > 0 && count(jobs, "{n} running or waiting", "{n} running or waiting"),
        speed > 0 && total > done && t("{time} left", { time: duration((total - done) / speed) }),
      ]
        .filter(Boolean)
        .join(", "),
    );
  }

  /** What an earlier visit saw is marked as that. */
  function drawAge() {
    show(aged, store.aged > 0);
    root.classList.toggle("old", store.aged > 0);
    if (store.aged)
      text(aged, t("As it was at {time}. Asking the server…", { time: moment(new Date(store.aged).toISOString()) }));
  }

  root.append(paste({ ...parts, signal, reveal }), h("div", { class: "queue" }, running.node, ended.node));
  for (const key of ["downloads", "older", "trouble"]) store.subscribe(key, draw, signal);
  store.subscribe("progress", drawTotals, signal);
  store.subscribe("aged", drawAge, signal);
  draw();
  drawAge();
  import("./queue-tools.js").then(({ mount: mountTools }) => mountTools(tools, { ...parts, signal }));
  /** Bring a download before the eyes. @param {string} id */
  function reveal(id) {
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const node = find(root, id);
        node?.scrollIntoView({ block: "nearest" });
        node?.classList.add("flash");
        setTimeout(() => node?.classList.remove("flash"), 1600);
      }),
    );
  }

  return () => {
    life.abort();
    patch?.([], []);
    root.replaceChildren();
    root.classList.remove("old");
  };
}

/** @param {string} id @param {string} heading */
function section(id, heading) {
  const note = h("span", { class: "section-note" });
  const list = h("ul", { class: "jobs" });
  const node = h(
    "section",
    { class: "section", "aria-labelledby": id + "-title" },
    h("header", { class: "section-head" }, h("h2", { id: id + "-title" }, heading), note),
    list,
  );
  return { node, list, note };
}

/** @param {HTMLElement} root @param {string} id */
const find = (root, id) =>
  /** @type {HTMLElement|null} */ (root.querySelector(`[data-testid=download][data-id="${CSS.escape(id)}"]`));
