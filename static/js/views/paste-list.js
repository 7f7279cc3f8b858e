// @ts-check
// Several things in the paste box: a list, or the models of a ComfyUI workflow. Each is looked at, and becomes a download.
/** @import { Parts } from "../main.js" */
/** @import { Entry, Pasted, Preview } from "../core/types.js" */
import { ApiError, isAbort } from "../core/api.js";
import { fill, h, icon, show, text } from "../core/dom.js";
import { count, plain, size } from "../core/format.js";
import { link } from "../core/router.js";
import { t } from "../core/words.js";
import { styles } from "../ui/styles.js";

await styles("paste-list");

/** @typedef {{ entry: Entry, box: HTMLInputElement, said: HTMLElement, preview: Preview|null, done: boolean }} Row */

/** @param {Pick<Parts, "act"> & { signal: AbortSignal, finished: (ids: string[]) => void }} parts */
export function pasteList({ act, signal, finished }) {
  /** @type {Row[]} */
  let rows = [];
  /** @type {AbortController|null} */
  let looking = null;
  let starting = false;

  const title = h("h2", {});
  const help = h("p", { class: "help" });
  const list = h("ul", { class: "paste-list", data: { testid: "paste-list" } });
  const sum = h("p", { class: "verdict", role: "status" });
  const button = h(
    "button",
    {
      type: "button",
      class: "button button-primary",
      data: { testid: "start-all" },
      signal,
      on: { click: start },
    },
    icon("download"),
    h("span", {}),
  );
  const node = h("div", { hidden: true }, title, help, list, h("div", { class: "paste-foot" }, sum, button));

  const chosen = () => rows.filter(({ box, done }) => box.checked && !done);

  /** @param {Entry} entry @returns {Row} */
  function row(entry) {
    const box = h("input", {
      type: "checkbox",
      checked: !!entry.repo && !entry.present,
      disabled: !entry.repo,
      signal,
      on: { change: draw },
    });
    return { entry, box, said: h("span", { class: "paste-entry-said" }), preview: null, done: false };
  }

  /** @param {Row} row */
  function nodeOf({ entry, box, said }) {
    const place = entry.name && (entry.folder ? `${entry.folder}/${entry.name}` : entry.name);
    const what = entry.repo ? [entry.repo, ...(entry.select ?? [])].join(" · ") : entry.text;
    return h(
      "li",
      { data: { testid: "paste-entry" } },
      h(
        "label",
        { class: "paste-entry" },
        box,
        h(
          "span",
          { class: "paste-entry-what" },
          place && h("strong", {}, h("bdi", {}, plain(place))),
          what && h("bdi", { class: "paste-entry-repo" }, plain(what)),
        ),
        said,
      ),
      entry.problem
        ? h(
            "p",
            { class: "help" },
            plain(entry.problem),
            entry.name && " ",
            entry.name && h("a", { href: link("search") }, t("Look for it at the Hub")),
          )
        : null,
    );
  }

  /** @param {Row} row @param {string} words @param {boolean} [bad] */
  function say(row, words, bad = false) {
    text(row.said, words);
    row.said.classList.toggle("verdict-bad", bad);
  }

  function draw() {
    const wanted = chosen();
    const bytes = wanted.reduce((all, { preview }) => all + (preview?.bytes_to_fetch ?? 0), 0);
    const known = wanted.every(({ preview }) => preview);
    text(
      /** @type {Element} */ (button.lastElementChild),
      starting ? t("Starting…") : count(wanted.length, "Start {n} download", "Start {n} downloads"),
    );
    button.disabled = starting || wanted.length === 0;
    text(sum, bytes ? (known ? size(bytes) : t("{size} so far", { size: size(bytes) })) : "");
  }

  /** What each would bring, one after the other: the Hub counts questions. @param {AbortSignal} until */
  async function lookAt(until) {
    for (const row of rows) {
      if (!row.entry.repo) continue;
      try {
        row.preview = await act("preview", { repo: row.entry.text }, until);
        const { bytes_to_fetch, files_selected } = row.preview;
        const files = count(files_selected, "{n} file", "{n} files");
        say(row, bytes_to_fetch ? `${files}, ${size(bytes_to_fetch)}` : t("is here"));
        if (!bytes_to_fetch) row.box.checked = false;
      } catch (error) {
        if (isAbort(error)) return;
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 429) return; // they can be started all the same
        say(row, error.message, true);
        if (error.status < 500) row.box.checked = false;
      }
      draw();
    }
  }

  async function start() {
    const ids = [];
    looking?.abort();
    starting = true;
    draw();
    for (const row of chosen()) {
      try {
        const wish = row.preview ? { preview: row.preview.id } : { repo: row.entry.text };
        const { id } = await act("start", wish).catch((error) => {
          if (error.code !== "unknown_preview") throw error;
          return act("start", { repo: row.entry.text }); // the server was begun anew
        });
        ids.push(id);
        row.done = true;
        row.box.disabled = true;
        say(row, t("in the queue"));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.download) row.done = true;
        say(row, error.message, !error.download);
      }
      draw();
    }
    starting = false;
    draw();
    if (ids.length > 0 && rows.every(({ entry, done, box }) => done || !entry.repo || !box.checked)) finished(ids);
  }

  return {
    node,
    /** @param {Pasted|null} pasted null: something else is in the box */
    update(pasted) {
      looking?.abort();
      show(node, !!pasted);
      rows = (pasted?.entries ?? []).map(row);
      fill(list, ...rows.map(nodeOf));
      if (!pasted) return;
      const missing = rows.filter(({ entry }) => !entry.present).length;
      text(
        title,
        pasted.kind === "workflow"
          ? count(missing, "{n} model of this workflow is not here", "{n} models of this workflow are not here")
          : count(rows.length, "{n} thing in this list", "{n} things in this list"),
      );
      text(help, pasted.kind === "workflow" ? t("Before each is the folder in which ComfyUI looks for it.") : "");
      for (const one of rows) if (one.entry.present) say(one, t("is here"));
      draw();
      looking = new AbortController();
      lookAt(AbortSignal.any([looking.signal, signal]));
    },
  };
}
