// @ts-check
// The page's side of the server: what asks, what listens, and who finds out what is wrong. It comes after the first paint.
/** @import { Action, Act } from "../main.js" */
/** @import { Actions, Tell } from "./actions.js" */
/** @import { Prefs } from "./prefs.js" */
/** @import { Store } from "./store.js" */
import { Api } from "./api.js";
import { Lists } from "./lists.js";
import { remember } from "./memory.js";
import { SharedStream } from "./shared-stream.js";

const REMEMBER_MS = 10_000;

/** @param {{ base: URL, store: Store, prefs: Prefs, tell: Tell }} parts base: the address of the page */
export function connect({ base, store, prefs, tell }) {
  const api = new Api(new URL("api/v1/", base));
  const lists = new Lists(api, store);

  /** @type {Promise<Actions>|null} */
  let actions = null;
  /** Does what Actions can, once they have come. @type {any} */
  const act = async (/** @type {Action} */ name, /** @type {any[]} */ ...args) => {
    actions ??= Promise.all([import("./actions.js"), import("../ui/dialog.js"), import("../ui/styles.js")]).then(
      async ([module, { confirm }, { styles }]) => {
        await styles("overlays");
        return new module.Actions(api, store, lists, tell, confirm);
      },
    );
    return /** @type {any} */ (await actions)[name](...args);
  };

  /** @type {Promise<import("./doctor.js").Doctor>|null} */
  let doctor = null;
  async function examine() {
    doctor ??= import("./doctor.js").then(
      ({ Doctor }) =>
        new Doctor(api, store, () => {
          stream.retry();
          openSession();
        }),
    );
    (await doctor).examine();
  }

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
  store.onSnapshot = (stale) => lists.reload(stale).catch((error) => error.away || act("complain", error));
  store.onNotice = ({ level, message, download }) => tell(level, message, download ?? undefined);
  store.onOutcome = (download) => import("./outcome.js").then(({ outcome }) => outcome(download, { tell, prefs }));

  setInterval(() => remember(store), REMEMBER_MS);
  addEventListener("pagehide", () => remember(store));
  openSession();
  stream.start();
  return { api, lists, act: /** @type {Act} */ (act) };
}
