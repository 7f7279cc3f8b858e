// @ts-check
// A job has ended before our eyes: said in the page, and by the system's notifications if somebody wants that.
/** @import { Tell } from "./actions.js" */
/** @import { Prefs } from "./prefs.js" */
/** @import { Download } from "./types.js" */
import { isolate } from "./format.js";
import { put, t, tn } from "./words.js";

/** @type {Record<string, string>} */
const DONE = {
  download: t("{repo} is complete and proven."),
  update: t("{repo} is up to date and proven."),
  repair: t("{repo} is mended and proven."),
  verify: t("{repo} is as it came: every file is proven."),
};

/** @param {Download} d @returns {[Parameters<Tell>[0], string]|null} */
export function outcomeText(d) {
  const repo = isolate(d.repo);
  if (d.state === "failed") {
    const why = d.reason?.message ?? t("the download failed.");
    return ["error", why.startsWith(d.repo) ? why : `${repo}: ${why}`];
  }
  if (d.state !== "completed") return null;
  const damaged = d.findings ? d.findings.changed + d.findings.missing : 0;
  if (damaged > 0)
    return [
      "warning",
      tn(
        damaged,
        "{repo} is damaged: one of its files is not as it came.",
        "{repo} is damaged: {n} of its files are not as they came.",
        {
          repo,
          n: damaged,
        },
      ),
    ];
  if (d.findings && d.findings.unknown > 0)
    return [
      "info",
      tn(
        d.findings.unknown,
        "{repo}: one file cannot be proven, for nobody knows what it should be.",
        "{repo}: {n} files cannot be proven, for nobody knows what they should be.",
        { repo, n: d.findings.unknown },
      ),
    ];
  return ["success", put(DONE[d.kind] ?? DONE.download, { repo })];
}

/** @param {Download} download @param {{ tell: Tell, prefs: Prefs }} parts */
export function outcome(download, { tell, prefs }) {
  const said = outcomeText(download);
  if (!said) return;
  const [kind, message] = said;
  tell(kind, message, download.id);
  if (prefs.get("notify") !== "on" || !document.hidden || globalThis.Notification?.permission !== "granted") return;
  try {
    new Notification("Larder", {
      body: message,
      tag: download.id,
      icon: new URL("../../icons/larder-192.png", import.meta.url).href,
    });
  } catch {
    // This browser has them for workers only.
  }
}
