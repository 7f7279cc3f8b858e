// @ts-check
// The composition root: makes the parts, gives them to each other, starts. What the first paint does not need is loaded
// after it, or when it is asked for.
/** @import { Actions, Tell } from "./core/actions.js" */
/** @import { Api } from "./core/api.js" */
/** @import { Lists } from "./core/lists.js" */
import { late } from "./core/late.js";
import { forget, recall } from "./core/memory.js";
import { Prefs } from "./core/prefs.js";
import { route } from "./core/router.js";
import { Store } from "./core/store.js";
import { t } from "./core/words.js";
import { styles } from "./ui/styles.js";
import * as downloads from "./views/downloads.js";
import { frame } from "./views/frame.js";

/**
 * What a view is given. `act` does what Actions (core/actions.js) can.
 * @typedef {{ store: Store, prefs: Prefs, tell: Tell, now: () => number, act: Act, rest: string,
 *   served: Promise<Served> }} Parts
 * @typedef {{ api: Api, lists: Lists }} Served
 * @typedef {{ [K in keyof Actions]: Actions[K] extends (...args: any) => any ? K : never }[keyof Actions]} Action
 * @typedef {<K extends Action>(name: K, ...args: Parameters<Actions[K]>) => Promise<Awaited<ReturnType<Actions[K]>>>} Act
 * @typedef {{ leave: () => void, move: (rest: string) => void }} Mounted one that follows the rest of the address itself
 * @typedef {{ title: string, mount: (root: HTMLElement, parts: Parts & Served) => (() => void)|Mounted }} View
 */

/** The views that come when they are asked for. @type {Record<string, () => Promise<View>>} */
const VIEWS = {
  models: () => import("./views/models.js"),
  search: () => import("./views/search.js"),
  trash: () => import("./views/trash.js"),
  activity: () => import("./views/activity.js"),
  settings: () => import("./views/settings.js"),
  connection: () => import("./views/connection.js"),
};

const part = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const store = new Store();
const prefs = new Prefs();

const teller = late(async () => {
  const [{ toasts }] = await Promise.all([import("./ui/toast.js"), styles("overlays")]);
  return toasts(part("toasts"));
});
/** @type {Tell} */
function tell(kind, message, key, offer) {
  store.note(kind, message);
  teller().then((show) => show(kind, message, key, offer));
}

const served = import("./core/server.js").then(({ connect }) =>
  connect({ base: new URL(".", document.baseURI), store, prefs, tell }),
);
/** @type {Omit<Parts, "rest">} */
const parts = {
  store,
  prefs,
  tell,
  served,
  now: () => Date.now() + store.skew,
  act: /** @type {Act} */ (
    async (/** @type {any} */ name, /** @type {any} */ ...args) => (await served).act(name, ...args)
  ),
};

prefs.watch(({ theme }) => {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
});

// --- which view ---

const shell = frame(parts);
/** @type {(() => void)|Mounted|null} */
let mounted = null;
let shown = "";
let titled = "";
let turn = 0;

function leave() {
  if (typeof mounted === "function") mounted();
  else mounted?.leave();
}

/** What the address names. */
async function open() {
  if (store.isOutside) return;
  const { view: wanted, rest } = route();
  const name = Object.hasOwn(VIEWS, wanted) ? wanted : "";
  const mine = ++turn;
  const isFirst = mounted === null;
  if (name === shown && mounted) {
    if (typeof mounted === "function") return;
    mounted.move(rest);
    return shell.show(name, titled, rest);
  }
  const view = name ? await VIEWS[name]().catch(() => notThere(name)) : downloads;
  const server = name ? await served : null;
  if (mine !== turn || !view) return;
  leave();
  const root = part("view");
  root.className = `view view-${name || "downloads"}`;
  mounted =
    view === downloads
      ? downloads.mount(root, { ...parts, rest })
      : /** @type {View} */ (view).mount(root, { ...parts, .../** @type {Served} */ (server), rest });
  titled = view.title;
  shell.show(name, titled, rest);
  shown = name;
  if (isFirst) return;
  scrollTo(0, 0);
  root.focus({ preventScroll: true });
}

/** A view's module did not come: nobody answers, or the pages were upgraded under this one. @param {string} name */
async function notThere(name) {
  const isUp = await fetch(document.baseURI, { method: "HEAD", cache: "no-store" }).then(
    (answer) => answer.ok,
    () => false,
  );
  if (isUp)
    tell("warning", t("Larder was updated. Load this page again."), "updated", {
      label: t("Load again"),
      run: () => location.reload(),
    });
  else
    tell("error", t("The server cannot be reached."), "updated", {
      label: t("Try again"),
      run: () => route().view === name && open(),
    });
  return null;
}

/** In the place of every view. What was remembered is of somebody else, perhaps. */
async function ask() {
  if (!store.isOutside) return;
  forget();
  const [{ signIn, title }, { api }] = await Promise.all([import("./views/sign-in.js"), served]);
  turn++;
  leave();
  mounted = null;
  shown = "sign-in";
  part("view").className = "view";
  shell.show("sign-in", title);
  signIn(part("view"), { api, session: store.session, entered: () => location.reload() });
}

store.subscribe("isOutside", ask, new AbortController().signal);
addEventListener("hashchange", () => (!location.hash || location.hash.startsWith("#/")) && open());
document.querySelector(".skip")?.addEventListener("click", (event) => {
  event.preventDefault(); // the address names the view
  part("view").focus();
});
setInterval(() => store.tick(), 1000);
recall(store);
open();
