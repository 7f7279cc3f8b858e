// @ts-check
// What surrounds every view: where one is, connection, overall speed, banner, theme, the document's title and icon.
/** @import { Store } from "../core/store.js" */
/** @import { Prefs } from "../core/prefs.js" */
import { attr, fill, icon, show, text } from "../core/dom.js";
import { duration, fraction, percent, plain, rate, size } from "../core/format.js";
import { language, t } from "../core/words.js";

/** @type {[string, string, string][]} */
const THEMES = [
  ["auto", t("Colours: as the system"), "auto"],
  ["light", t("Colours: light"), "sun"],
  ["dark", t("Colours: dark"), "moon"],
];
const ICONS = new URL("../../icons/", import.meta.url).pathname;
const ICON_STEPS = 8; // progress-0.svg to progress-8.svg

/** @param {string} id */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {{ store: Store, prefs: Prefs }} parts */
export function frame({ store, prefs }) {
  const { signal } = new AbortController(); // lives as long as the page
  let title = "";

  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-t]")) text(node, t(node.textContent ?? ""));
  for (const node of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-t-label]")))
    node.ariaLabel = t(node.dataset.tLabel ?? "");

  /** @param {number} at */
  const remaining = (at) => Math.ceil((at - Date.now()) / 1000);

  function linkText() {
    const { state, retryAt } = store.link;
    const n = remaining(retryAt);
    if (state === "live") return t("Live");
    if (state === "polling") return t("Live (polling)");
    if (state === "offline") return t("Offline");
    if (state === "connecting") return t("Connecting…");
    return n > 0 ? t("Reconnecting in {n} s", { n }) : t("Reconnecting…");
  }

  function drawLink() {
    part("connection").dataset.state = store.link.state;
    text(part("connection-text"), linkText());
    const { trouble } = store;
    show(part("banner"), !!trouble);
    if (!trouble) return text(part("banner-text"), "");
    text(part("banner-text"), trouble.message);
    const n = remaining(trouble.retryAt);
    text(part("banner-wait"), n > 0 ? t("Looking again in {n} s.", { n }) : t("Looking again…"));
  }

  function drawTotals() {
    const { jobs, total, done, speed } = store.totals();
    const live = store.link.state === "live" || store.link.state === "polling";
    const left = total > done && speed > 0 ? t("{time} left", { time: duration((total - done) / speed) }) : "";
    show(part("speed"), live && speed > 0);
    if (speed > 0) text(part("speed-text"), rate(speed));
    attr(part("speed"), "title", left || t("Overall speed"));
    const part_done = fraction(done, total);
    document.title = (jobs && total ? `${percent(part_done)} · ` : "") + (title ? `${title} · ` : "") + "Larder";
    const image = jobs && total ? `progress-${Math.floor(part_done * ICON_STEPS)}` : "larder";
    attr(part("favicon"), "href", `${ICONS}${image}.svg`);
  }

  function drawDisk() {
    const { disk, session } = store;
    const values = disk && { free: size(disk.free), total: size(disk.total), reserved: size(disk.reserved) };
    text(
      part("disk"),
      !disk || !values
        ? ""
        : disk.reserved
          ? t("{free} free of {total}, {reserved} of it promised to the queue", values)
          : t("{free} free of {total}", values),
    );
    text(part("version"), session ? `Larder ${session.version}` : "");
  }

  const button = part("theme");
  prefs.watch(({ theme }) => {
    const [, words, image] = THEMES.find(([name]) => name === theme) ?? THEMES[0];
    fill(button, icon(image));
    attr(button, "aria-label", words);
    attr(button, "title", words);
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

  return {
    /** Another view is shown. @param {string} view @param {string} words its title @param {string} [rest] */
    show(view, words, rest) {
      title = rest && /models|search/.test(view) ? plain(rest) : words;
      for (const id of ["nav", "connection"]) show(part(id), view !== "sign-in");
      const place = { trash: "models", connection: "settings" }[view] ?? view; // where it is reached from
      for (const a of /** @type {NodeListOf<HTMLElement>} */ (part("nav").querySelectorAll("a")))
        attr(a, "aria-current", a.dataset.view === place ? "page" : null);
      drawTotals();
    },
  };
}
