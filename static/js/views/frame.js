// @ts-check
// What surrounds every view: connection, overall speed, banner, theme, the document's title.
/** @import { Store } from "../core/store.js" */
/** @import { Prefs } from "../core/prefs.js" */
import { attr, fill, icon, show, text } from "../core/dom.js";
import { duration, fraction, percent, rate, size } from "../core/format.js";

/** @type {["auto"|"light"|"dark", string, string][]} */
const THEMES = [
  ["auto", "as the system", "auto"],
  ["light", "light", "sun"],
  ["dark", "dark", "moon"],
];

/** @param {{ store: Store, prefs: Prefs, title: string, part: (id: string) => HTMLElement }} parts */
export function frame({ store, prefs, title, part }) {
  const { signal } = new AbortController(); // lives as long as the page

  /** @param {number} at */
  const remaining = (at) => Math.ceil((at - Date.now()) / 1000);

  function drawLink() {
    const { state, retryAt } = store.link;
    const seconds = remaining(retryAt);
    part("connection").dataset.state = state;
    text(
      part("connection-text"),
      state === "live"
        ? "Live"
        : state === "polling"
          ? "Live (polling)"
          : state === "offline"
            ? "Offline"
            : state === "connecting"
              ? "Connecting…"
              : seconds > 0
                ? `Reconnecting in ${seconds} s`
                : "Reconnecting…",
    );
    const { trouble } = store;
    show(part("banner"), !!trouble);
    if (!trouble) return text(part("banner-text"), "");
    text(part("banner-text"), trouble.message);
    const wait = remaining(trouble.retryAt);
    text(part("banner-wait"), wait > 0 ? `Looking again in ${wait} s.` : "Looking again…");
  }

  function drawTotals() {
    const { jobs, total, done, speed } = store.totals();
    const live = store.link.state === "live" || store.link.state === "polling";
    show(part("speed"), live && speed > 0);
    text(part("speed-text"), rate(speed));
    attr(
      part("speed"),
      "title",
      total > done && speed > 0 ? duration((total - done) / speed) + " left" : "Overall speed",
    );
    document.title = jobs && total ? `${percent(fraction(done, total))} · Larder` : `${title} · Larder`;
  }

  function drawDisk() {
    const { disk, session } = store;
    text(
      part("disk"),
      disk
        ? `${size(disk.free)} free of ${size(disk.total)}` +
            (disk.reserved ? `, ${size(disk.reserved)} of it promised to the queue` : "")
        : "",
    );
    text(part("version"), session ? `Larder ${session.version}` : "");
  }

  const button = part("theme");
  prefs.watch(({ theme }) => {
    const [, words, image] = THEMES.find(([name]) => name === theme) ?? THEMES[0];
    fill(button, icon(image));
    attr(button, "aria-label", `Colours: ${words}. Change`);
    attr(button, "title", `Colours: ${words}`);
  });
  button.addEventListener(
    "click",
    () => {
      const at = THEMES.findIndex(([name]) => name === prefs.get("theme"));
      prefs.set("theme", THEMES[(at + 1) % THEMES.length][0]);
    },
    { signal },
  );

  for (const key of ["link", "trouble", "tick"]) store.subscribe(key, drawLink, signal);
  for (const key of ["progress", "downloads", "link"]) store.subscribe(key, drawTotals, signal);
  for (const key of ["disk", "session"]) store.subscribe(key, drawDisk, signal);
  drawLink();
}
