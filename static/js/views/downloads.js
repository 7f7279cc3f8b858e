// @ts-check
// The Download page: the paste box, what is under way, what has ended.
/** @import { Actions } from "../core/actions.js" */
/** @import { Store } from "../core/store.js" */
import { h, keyed, show, text } from "../core/dom.js";
import { count, duration, number } from "../core/format.js";
import { job } from "./job.js";
import { paste } from "./paste.js";

export const title = "Downloads";

/**
 * @param {HTMLElement} root
 * @param {{ store: Store, actions: Actions, now: () => number, tell: import("../core/actions.js").Tell }} parts
 * @returns {() => void} unmount
 */
export function mount(root, parts) {
  const { store, actions } = parts;
  const life = new AbortController();
  const { signal } = life;

  const running = section("active", "Downloads");
  const ended = section("finished", "Finished");
  const older = h(
    "button",
    { type: "button", class: "button button-quiet", signal, on: { click: () => actions.loadOlder() } },
    "Show older ones",
  );
  ended.node.append(older);
  const welcome = h(
    "div",
    { class: "empty" },
    h("p", { class: "empty-lead" }, "Nothing is downloading."),
    h(
      "p",
      {},
      "Paste the name or the address of a model into the box. You will see what it holds and what it weighs before anything is fetched.",
    ),
  );
  const later = h("p", { class: "empty" }, "The downloads appear here as soon as Larder answers.");
  running.node.append(welcome, later);

  const patchRunning = keyed(
    running.list,
    (d) => d.id,
    (d) => job(d, parts),
  );
  const patchEnded = keyed(
    ended.list,
    (d) => d.id,
    (d) => job(d, parts),
  );

  function draw() {
    const active = store.active();
    const finished = store.finished();
    const focused = /** @type {HTMLElement|null} */ (document.activeElement?.closest("[data-testid=download]"))?.dataset
      .id;
    patchRunning(active);
    patchEnded(finished);
    if (focused && document.activeElement === document.body) find(root, focused)?.focus({ preventScroll: true });
    show(welcome, store.loaded && active.length === 0);
    show(later, !store.loaded && store.trouble !== null && active.length === 0);
    show(ended.node, finished.length > 0);
    show(older, store.older !== null);
    text(ended.note, number(finished.length) + (store.older ? "+" : ""));
    drawTotals();
  }

  function drawTotals() {
    const { jobs, total, done, speed } = store.totals();
    text(
      running.note,
      jobs === 0
        ? ""
        : count(jobs, "running or waiting", "running or waiting") +
            (speed > 0 && total > done ? `, ${duration((total - done) / speed)} left` : ""),
    );
  }

  const box = paste({ ...parts, signal, reveal: (id) => reveal(root, id) });
  root.append(box, h("div", { class: "queue" }, running.node, ended.node));
  for (const key of ["downloads", "older", "trouble"]) store.subscribe(key, draw, signal);
  store.subscribe("progress", drawTotals, signal);
  draw();
  return () => {
    life.abort();
    patchRunning([]);
    patchEnded([]);
    root.replaceChildren();
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

/** Bring a download before the eyes. @param {HTMLElement} root @param {string} id */
function reveal(root, id) {
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      const node = find(root, id);
      node?.scrollIntoView({ block: "nearest" });
      node?.classList.add("flash");
      setTimeout(() => node?.classList.remove("flash"), 1600);
    }),
  );
}
