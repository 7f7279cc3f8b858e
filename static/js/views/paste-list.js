// @ts-check
// Several things in the paste box: a list, or the models of a ComfyUI workflow. Each is looked at, and becomes a download.
/** @import { Parts } from "../main.js" */
/** @import { Entry, Pasted, Preview } from "../core/types.js" */
import { ApiError, isAbort } from "../core/api.js";
import { fill, h, icon, show, text } from "../core/dom.js";
import { count, number, plain, size } from "../core/format.js";
import { link } from "../core/router.js";
import { t } from "../core/words.js";
import { styles } from "../ui/styles.js";

await Promise.all([styles("lists"), styles("paste-list")]);

const AGAIN_S = 5; // where the server does not say when to ask again

/** @typedef {{ entry: Entry, node: HTMLElement, box: HTMLInputElement, said: HTMLElement, preview: Preview|null,
 *   done: boolean }} Row */

/** Milliseconds until it is worth another try; 0: it is not. @param {unknown} error */
const pauseOf = (error) =>
  error instanceof ApiError && (error.away || error.status === 429) ? (error.retryAfter ?? AGAIN_S) * 1000 : 0;

/**
 * @param {Pick<Parts, "act"> & { signal: AbortSignal, finished: (ids: string[], isStillThere: boolean) => void }} parts
 * `finished`: all of the list is in the queue; is it what the box still holds?
 */
export function pasteList({ act, signal, finished }) {
  /** @type {Row[]} */
  let rows = [];
  /** @type {AbortController|null} */
  let looking = null;
  let starting = false;

  const title = h("span", { role: "status" });
  const help = h("p", { class: "help" });
  const list = h("ul", { class: "paste-list", data: { testid: "paste-list" } });
  const sum = h("p", { class: "verdict" });
  const done = h("p", { class: "unseen", role: "status" });
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
  const node = h(
    "div",
    { hidden: true },
    h("h2", {}, title),
    help,
    list,
    done,
    h("div", { class: "paste-foot" }, sum, button),
  );

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
    const said = h("span", { class: "paste-entry-said" }, entry.present ? t("is here") : "");
    return { entry, node: nodeOf(entry, box, said), box, said, preview: null, done: false };
  }

  /** @param {Entry} entry @param {HTMLElement} box @param {HTMLElement} said */
  function nodeOf(entry, box, said) {
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

  /** Of so many bytes, those for which there is no room, as far as it is known. @param {Row[]} wanted @param {number} bytes */
  function lack(wanted, bytes) {
    // Each preview counts what is free once it alone has come.
    const [first] = wanted.flatMap(({ preview }) => preview ?? []);
    if (!first) return 0;
    return Math.max(0, bytes - (first.disk.after + first.bytes_to_fetch));
  }

  function draw() {
    const wanted = chosen();
    const bytes = wanted.reduce((all, { preview }) => all + (preview?.bytes_to_fetch ?? 0), 0);
    const known = wanted.every(({ preview }) => preview);
    const missing = lack(wanted, bytes);
    text(
      /** @type {Element} */ (button.lastElementChild),
      starting ? t("Starting…") : count(wanted.length, "Start {n} download", "Start {n} downloads"),
    );
    button.disabled = starting || wanted.length === 0 || missing > 0;
    sum.classList.toggle("verdict-bad", missing > 0);
    text(
      sum,
      missing
        ? t("This does not fit: {size} more is needed than is free. Choose less, or make room.", {
            size: size(missing),
          })
        : bytes
          ? known
            ? size(bytes)
            : t("{size} so far", { size: size(bytes) })
          : "",
    );
    if (known && rows.length > 0 && !starting) text(done, sum.textContent ?? "");
  }

  /**
   * What `ask` answers, asked again for as long as the server is away or asks for patience.
   * @template T @param {Row} row @param {AbortSignal} until @param {() => Promise<T>} ask @returns {Promise<T>}
   */
  async function patiently(row, until, ask) {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const pause = pauseOf(error);
        if (!pause || until.aborted) throw error;
        say(row, t("a moment, please…"));
        await new Promise((resolve) => {
          const timer = setTimeout(resolve, pause);
          until.addEventListener("abort", () => (clearTimeout(timer), resolve(null)), { once: true });
        });
        if (until.aborted) throw new DOMException("given up", "AbortError");
      }
    }
  }

  /** What each would bring, one after the other: the Hub counts questions. @param {AbortSignal} until */
  async function lookAt(until) {
    for (const row of rows.filter(({ entry, preview }) => entry.repo && !preview)) {
      try {
        row.preview = await patiently(row, until, () => act("preview", { repo: row.entry.text }, until));
        say(row, whatOf(row.preview));
        const { bytes_to_fetch } = row.preview;
        if (!bytes_to_fetch) row.box.checked = false;
      } catch (error) {
        if (isAbort(error)) return;
        if (!(error instanceof ApiError)) throw error;
        say(row, error.message, true);
        if (error.status < 500) row.box.checked = false;
      }
      draw();
    }
  }

  async function start() {
    const mine = rows;
    const ids = [];
    looking?.abort();
    starting = true;
    draw();
    for (const row of chosen()) {
      try {
        const { id } = await patiently(row, signal, () =>
          act("start", row.preview ? { preview: row.preview.id } : { repo: row.entry.text }).catch((error) => {
            if (error.code !== "unknown_preview") throw error;
            return act("start", { repo: row.entry.text }); // the server was begun anew
          }),
        );
        ids.push(id);
        row.done = true;
        row.box.disabled = true;
        say(row, t("in the queue"));
      } catch (error) {
        if (isAbort(error)) break;
        if (!(error instanceof ApiError)) throw error;
        if (error.download) row.done = true;
        say(row, error.message, !error.download);
      }
      draw();
    }
    starting = false;
    draw();
    const isAll = mine.every(({ entry, done, box }) => done || !entry.repo || !box.checked);
    if (ids.length > 0 && isAll) finished(ids, rows === mine && !signal.aborted);
  }

  return {
    node,
    /** Somebody has pressed Enter in the box. */
    enter() {
      if (!button.disabled) start();
    },
    /** What was chosen of a line, and is known of it, stays. @param {Pasted|null} pasted null: something else is there */
    update(pasted) {
      const before = new Map(rows.filter(({ done }) => !done).map((row) => [JSON.stringify(row.entry), row]));
      looking?.abort();
      show(node, !!pasted);
      rows = (pasted?.entries ?? []).map((entry) => before.get(JSON.stringify(entry)) ?? row(entry));
      fill(list, ...rows.map(({ node }) => node));
      text(done, "");
      if (!pasted) return;
      const missing = rows.filter(({ entry }) => !entry.present).length;
      text(
        title,
        pasted.kind === "workflow"
          ? count(missing, "{n} model of this workflow is not here", "{n} models of this workflow are not here")
          : count(rows.length, "{n} thing in this list", "{n} things in this list"),
      );
      text(help, pasted.kind === "workflow" ? t("Before each is the folder in which ComfyUI looks for it.") : "");
      draw();
      looking = new AbortController();
      lookAt(AbortSignal.any([looking.signal, signal]));
    },
  };
}

/** What it would bring, in words. @param {Preview} p */
function whatOf({ groups, bytes_selected, bytes_to_fetch, files_selected }) {
  if (!bytes_to_fetch) return bytes_selected ? t("is here") : t("holds nothing");
  const variants = groups.filter((g) => g.kind === "gguf" && g.quant !== null && g.selected !== "none").length;
  const several = variants > 1 ? t("{n} variants", { n: number(variants) }) : "";
  return [several, count(files_selected, "{n} file", "{n} files"), size(bytes_to_fetch)].filter(Boolean).join(", ");
}
