// @ts-check
// The page's side of the server: what asks, what listens, and who finds out what is wrong. It comes after the first paint.
/** @import { Action, Act } from "../main.js" */
/** @import { Tell } from "./actions.js" */
/** @import { Prefs } from "./prefs.js" */
/** @import { Store } from "./store.js" */
import { Api } from "./api.js";
import { late } from "./late.js";
import { Lists } from "./lists.js";
import { remember } from "./memory.js";
import { styles } from "../ui/styles.js";
import { SharedStream } from "./shared-stream.js";

const REMEMBER_MS = 10_000;

/** @param {{ base: URL, store: Store, prefs: Prefs, tell: Tell }} parts base: the address of the page */
export function connect({ base, store, prefs, tell }) {
  const api = new Api(new URL("api/v1/", base));
  const lists = new Lists(api, store);

  const actions = late(async () => {
    const [module, { confirm }] = await Promise.all([
      import("./actions.js"),
      import("../ui/dialog.js"),
      styles("overlays"),
    ]);
    return new module.Actions(api, store, lists, tell, confirm);
  });
  const doctor = late(async () => {
    const { Doctor } = await import("./doctor.js");
    return new Doctor(api, store, recover);
  });
  const outcomes = late(() => import("./outcome.js"));

  /** Does what Actions can, once they have come. @type {any} */
  const act = async (/** @type {Action} */ name, /** @type {any[]} */ ...args) => {
    return /** @type {any} */ (await actions())[name](...args);
  };

  async function examine() {
    (await doctor()).examine();
  }

  /** The server answers again: what had failed meanwhile is asked for once more. */
  function recover() {
    stream.retry();
    openSession();
    if (!store.loaded) reload([]);
    store.touch("recovered");
  }

  /** @param {string[]} stale */
  const reload = (stale) => lists.reload(stale).catch((error) => error.away || act("complain", error));

  async function openSession() {
    if (store.session) return;
    try {
      const session = await api.getSession();
      store.set("session", session);
      if (session.role === null) api.onSignIn();
    } catch {
      // The doctor says what is wrong, and comes back here.
    }
  }

  const stream = new SharedStream({
    base,
    worker: new URL("../stream-worker.js?api=" + encodeURIComponent(api.url("")), import.meta.url).href,
    url: api.url("events"),
    changes: api.changes,
    apply: (name, data) => store.apply(name, data),
    report: (link) => {
      store.set("link", link);
      if (link.state === "live" && store.trouble) examine();
    },
    failed: examine,
  });

  api.onAway = examine;
  api.onSignIn = () => store.set("isOutside", true);
  api.onSkew = (skew) => (store.skew = skew);
  store.onSnapshot = reload;
  store.onNotice = ({ level, message, download }) => tell(level, message, download ?? undefined);
  store.onOutcome = (download) => outcomes().then(({ outcome }) => outcome(download, { tell, prefs }));

  setInterval(() => remember(store), REMEMBER_MS);
  addEventListener("pagehide", () => remember(store));
  openSession();
  stream.start();
  // What tells of an outage must be here before it: a module that could not be loaded once cannot be until a reload.
  Promise.all([doctor(), actions(), outcomes(), import("../ui/toast.js")]).catch(() => {});
  return { api, lists, act: /** @type {Act} */ (act) };
}
