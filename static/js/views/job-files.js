// @ts-check
// The files of one job, once somebody opened them.
/** @import { Lists } from "../core/lists.js" */
/** @import { Store } from "../core/store.js" */
/** @import { JobFile } from "../core/types.js" */
import { h, text } from "../core/dom.js";
import { fraction, percent, size } from "../core/format.js";
import { isFinal } from "../core/store.js";
import { t } from "../core/words.js";
import { fileList, pathText } from "../ui/file-list.js";

const AGAIN_MS = 2000;
const MANY = 200; // files; of more, they are looked at less often
const MANY_AGAIN_MS = 10_000;

/** @type {Record<string, string>} */
const STATES = {
  pending: t("Waiting"),
  checking: t("Checking"),
  waiting: t("Comes with another file"),
  copying: t("Taken from your library"),
  downloading: t("Downloading"),
  verifying: t("Proving"),
  done: t("Proven"),
  failed: t("Failed"),
  staged: t("Proven, waits for the rest"),
  gone: t("No longer in the repository"),
  changed: t("Changed"),
  missing: t("Missing"),
  unknown: t("Nobody knows it"),
};

/** @param {HTMLElement} box @param {string} id
 * @param {{ store: Store, lists: Lists, label: string, signal: AbortSignal }} parts */
export function mount(box, id, { store, lists, label, signal }) {
  const list = fileList(label, row);
  let nextLoad = 0;

  function draw() {
    const have = store.files.get(id);
    if (have) list.update(have);
  }

  function poll() {
    const download = store.downloads.get(id);
    if (box.hidden || !download || isFinal(download) || document.hidden || Date.now() < nextLoad) return;
    nextLoad = Date.now() + ((store.files.get(id)?.length ?? 0) > MANY ? MANY_AGAIN_MS : AGAIN_MS);
    lists.loadFiles(id);
  }

  box.append(list.node);
  store.subscribe("files:" + id, draw, signal);
  store.subscribe("tick", poll, signal);
}

/** @param {JobFile} file @returns {import("../core/dom.js").Part<JobFile>} */
function row(file) {
  const state = h("span", { class: "file-state" });
  const node = h(
    "li",
    { class: "file" },
    pathText(file.path),
    h("span", { class: "file-meta" }, state, h("span", { class: "file-size" }, size(file.size))),
  );
  return {
    node,
    update(next) {
      node.dataset.state = next.state;
      const busy =
        next.state === "downloading" || next.state === "verifying" || (next.state === "pending" && next.bytes_done > 0);
      text(state, busy ? percent(fraction(next.bytes_done, next.size)) : (STATES[next.state] ?? next.state));
    },
  };
}
