// @ts-check
// The composition root: makes the parts, gives them to each other, starts.
import { Actions } from "./core/actions.js";
import { Api } from "./core/api.js";
import { Doctor } from "./core/doctor.js";
import { isolate } from "./core/format.js";
import { Prefs } from "./core/prefs.js";
import { SharedStream } from "./core/shared-stream.js";
import { Store } from "./core/store.js";
import { confirm } from "./ui/dialog.js";
import { toasts } from "./ui/toast.js";
import * as downloads from "./views/downloads.js";
import { frame } from "./views/frame.js";

const part = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

const base = new URL(".", document.baseURI);
const api = new Api(new URL("api/v1/", base));
const store = new Store();
const prefs = new Prefs();
const tell = toasts(part("toasts"));
const actions = new Actions(api, store, tell, confirm);
const now = () => Date.now() + api.skew;

const stream = new SharedStream({
  base,
  worker: new URL("stream-worker.js", import.meta.url).href,
  url: api.url("events"),
  changes: api.changes,
  apply: (name, data) => store.apply(name, data),
  report: (link) => {
    store.set("link", link);
    if (link.state === "live" && store.trouble) doctor.examine();
  },
  failed: () => doctor.examine(),
});
const doctor = new Doctor(api, store, () => {
  stream.retry();
  openSession();
});

api.onAway = () => doctor.examine();
store.onSnapshot = (stale) => actions.reloadFinished(stale);
store.onNotice = ({ level, message, download }) => tell(level, message, download ?? undefined);
/** Why it failed, with the name unless the reason begins with it. */
function outcome(/** @type {import("./core/types.js").Download} */ { repo, reason }) {
  const why = reason?.message ?? "the download failed.";
  return why.startsWith(repo) ? why : `${isolate(repo)}: ${why}`;
}
store.onOutcome = (download) => {
  if (download.state === "completed") tell("success", `${isolate(download.repo)} is complete and proven.`, download.id);
  if (download.state === "failed")
    tell("error", outcome(download), download.id);
};

async function openSession() {
  if (store.session) return;
  try {
    store.set("session", await api.getSession());
  } catch {
    // The doctor says what is wrong, and comes back here.
  }
}

prefs.watch(({ theme }) => {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
});
setInterval(() => store.touch("tick"), 1000);

frame({ store, prefs, title: downloads.title, part });
downloads.mount(part("view"), { store, actions, now, tell });
openSession();
stream.start();
