// @ts-check
// What was deleted or replaced: take it back, or let it go for good.
/** @import { TrashEntry } from "../core/types.js" */
/** @import { Parts, Served } from "../main.js" */
import { ApiError } from "../core/api.js";
import { attr, fill, h, icon, keyed, show, text } from "../core/dom.js";
import { count, isolate, moment, plain, since, size } from "../core/format.js";
import { libraryOf } from "../core/library.js";
import { link } from "../core/router.js";
import { t } from "../core/words.js";
import { confirm } from "../ui/dialog.js";
import { styles } from "../ui/styles.js";

export const title = t("Trash");

await Promise.all([styles("lists"), styles("overlays")]);

/** @param {HTMLElement} root @param {Parts & Served} parts @returns {() => void} unmount */
export function mount(root, { store, api, tell, now }) {
  const library = libraryOf(api, store);
  const life = new AbortController();
  const { signal } = life;
  let turn = 0;
  let busy = "";

  const note = h("span", { class: "section-note" });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const nothing = h("p", { class: "empty", hidden: true }, t("The trash is empty."));
  const list = h("ul", { class: "jobs" });
  const patch = keyed(list, (/** @type {TrashEntry} */ entry) => entry.id, row);
  fill(
    root,
    h(
      "section",
      { class: "section", "aria-labelledby": "trash-title" },
      h(
        "header",
        { class: "section-head" },
        h("h2", { id: "trash-title" }, title),
        note,
        h(
          "span",
          { class: "section-tools" },
          h("a", { class: "button button-quiet", href: link("models") }, t("All models")),
        ),
      ),
      problem,
      nothing,
      list,
    ),
  );

  /** @param {TrashEntry} entry @returns {import("../core/dom.js").Part<TrashEntry>} */
  function row(entry) {
    const when = h("span", { title: moment(entry.deleted_at) });
    const back = h(
      "button",
      { type: "button", class: "button", data: { testid: "restore" }, on: { click: () => restore(entry, false) } },
      icon("undo"),
      t("Take back"),
    );
    const gone = h(
      "button",
      { type: "button", class: "button", data: { testid: "purge" }, on: { click: () => purge(entry) } },
      icon("trash"),
      t("Delete for good"),
    );
    const node = h(
      "li",
      { class: "trash-entry", data: { testid: "trash-entry" } },
      h("p", { class: "trash-name" }, h("bdi", {}, plain(nameOf(entry)))),
      h("p", { class: "help" }, `${count(entry.files, "{n} file", "{n} files")} · ${size(entry.bytes)} · `, when),
      h(
        "ul",
        { class: "trash-paths" },
        ...entry.paths.slice(0, 4).map((path) => h("li", {}, h("bdi", {}, plain(path)))),
        entry.files > 4 ? h("li", {}, t("and {n} more", { n: entry.files - 4 })) : null,
      ),
      h("div", { class: "trash-tools" }, back, gone),
    );
    return {
      node,
      update() {
        text(when, since(entry.deleted_at, now()));
        for (const button of [back, gone]) attr(button, "aria-disabled", busy ? "true" : null);
      },
    };
  }

  async function load() {
    const mine = ++turn;
    try {
      const { trash } = await library.trash();
      if (mine !== turn || signal.aborted) return;
      patch(trash);
      show(nothing, trash.length === 0);
      text(note, trash.length ? size(trash.reduce((sum, { bytes }) => sum + bytes, 0)) : "");
      show(problem, false);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      show(problem, true);
      text(problem, error.message);
    }
  }

  /** @param {TrashEntry} entry @param {() => Promise<any>} work @param {string} said */
  async function once(entry, work, said) {
    if (busy) return;
    busy = entry.id;
    try {
      await work();
      tell("success", said, "undo " + entry.id);
    } finally {
      busy = "";
      load();
    }
  }

  /** @param {TrashEntry} entry @param {boolean} replace */
  async function restore(entry, replace) {
    try {
      await once(
        entry,
        () => library.restore(entry.id, replace),
        t("{what} is back.", { what: isolate(nameOf(entry)) }),
      );
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code !== "exists" || replace) return tell("error", error.message, entry.id);
      const sure = await confirm({
        title: t("Swap them?"),
        message: t("{what}: something has its place now. That would go to the trash in its turn.", {
          what: isolate(nameOf(entry)),
        }),
        yes: t("Swap them"),
        no: t("Leave it"),
      });
      if (sure) await restore(entry, true);
    }
  }

  /** @param {TrashEntry} entry */
  async function purge(entry) {
    const sure = await confirm({
      title: t("Delete for good?"),
      message: t("{what}: {files}, {size}. This cannot be taken back.", {
        what: isolate(nameOf(entry)),
        files: count(entry.files, "{n} file", "{n} files"),
        size: size(entry.bytes),
      }),
      yes: t("Delete for good"),
      no: t("Keep it"),
    });
    if (!sure) return;
    try {
      await once(entry, () => library.empty(entry.id), t("{size} are free again.", { size: size(entry.bytes) }));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      tell("error", error.message, entry.id);
    }
  }

  for (const key of ["trash", "recovered"]) store.subscribe(key, load, signal);
  load();
  return () => {
    life.abort();
    root.replaceChildren();
  };
}

/** The folder that its files were in. @param {TrashEntry} entry */
function nameOf({ paths, id }) {
  const [first] = paths;
  if (!first) return id;
  const parts = first.split("/").slice(0, -1);
  const at = parts[0] === "datasets" ? 3 : 2;
  return parts.slice(0, at).join("/") || first;
}
