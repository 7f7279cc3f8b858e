// @ts-check
// The Models page: what is in the library, who takes the space, and beside the list the one that was opened.
/** @import { Model } from "../core/types.js" */
/** @import { Parts, Served } from "../main.js" */
import { ApiError } from "../core/api.js";
import { attr, fill, h, icon, show, text } from "../core/dom.js";
import { count, number, plain, since, size } from "../core/format.js";
import { STATES, libraryOf } from "../core/library.js";
import { parameters } from "../core/parameters.js";
import { link } from "../core/router.js";
import { t } from "../core/words.js";
import { badge } from "../ui/badge.js";
import { spacePicture } from "../ui/space-picture.js";
import { shelfRow } from "../ui/shelf-row.js";
import { split } from "../ui/split.js";
import { styles } from "../ui/styles.js";
import { windowList } from "../ui/window-list.js";
import { model as modelPage } from "./model.js";

export const title = t("Models");

await Promise.all([styles("lists"), styles("library"), styles("preview")]);

const QUANTS_SHOWN = 3;
const GB = 1e9;

/** @type {[string, string][]} */
const SORTS = [
  ["name", t("By name")],
  ["size", t("Largest first")],
  ["modified", t("Latest first")],
];
/** @type {[string, string][]} */
const STATE_WORDS = [
  ["", t("In any state")],
  ["incomplete", t("Incomplete")],
  ["outdated", t("Update available")],
  ["unverified", t("Not proven")],
  ["changed", t("Changed on the disk")],
  ["problem", t("With a problem")],
];
/** @type {[string, string][]} */
const SIZES = [
  ["0", t("Of any size")],
  [String(GB), t("Over {size}", { size: size(GB) })],
  [String(10 * GB), t("Over {size}", { size: size(10 * GB) })],
  [String(50 * GB), t("Over {size}", { size: size(50 * GB) })],
];

/** What was filtered for, for as long as the page lives. */
const wanted = { text: "", format: "", quant: "", state: "", least: 0, sort: /** @type {any} */ ("name") };

/** @param {HTMLElement} root @param {Parts & Served} parts */
export function mount(root, parts) {
  const { store, api, act, tell, now } = parts;
  const library = libraryOf(api, store);
  const life = new AbortController();
  const { signal } = life;

  // ---- tools -------------------------------------------------------------------------------------------------

  const words = h("input", {
    type: "search",
    class: "tools-words",
    maxLength: 200,
    value: wanted.text,
    placeholder: t("Find a model"),
    ariaLabel: t("Find a model"),
    spellcheck: false,
    data: { testid: "find" },
    signal,
    on: { input: () => choose("text", words.value) },
  });
  /** @param {"format"|"quant"|"state"|"least"|"sort"} name @param {string} label @param {[string, string][]} options */
  const choice = (name, label, options) => {
    const node = h("select", {
      ariaLabel: label,
      data: { testid: name },
      signal,
      on: { change: () => choose(name, node.value) },
    });
    setOptions(node, options, String(wanted[name]));
    return node;
  };
  const format = choice("format", t("Format"), [["", t("Every format")]]);
  const quant = choice("quant", t("Variant"), [["", t("Every variant")]]);
  const state = choice("state", t("State"), STATE_WORDS);
  const least = choice("least", t("Size"), SIZES);
  const sort = choice("sort", t("Order"), SORTS);

  const note = h("span", { class: "section-note" });
  const scanning = h(
    "span",
    { class: "looking", hidden: true },
    h("span", { class: "spinner" }),
    t("Looking at the disk…"),
  );
  const scan = h(
    "button",
    { type: "button", class: "button button-quiet", data: { testid: "scan" }, signal, on: { click: lookAgain } },
    t("Look at the disk again"),
  );
  const picture = spacePicture(t("Who takes the space"));
  const problem = h("p", { class: "problem", hidden: true, role: "alert" });
  const nothing = h("div", { class: "empty", hidden: true });
  const list = windowList(t("Models"), (/** @type {Model} */ m) => m.folder, row, signal);
  const shelf = h(
    "section",
    { class: "section shelf", "aria-labelledby": "models-title" },
    h(
      "header",
      { class: "section-head" },
      h("h2", { id: "models-title" }, title),
      note,
      scanning,
      h(
        "span",
        { class: "section-tools" },
        scan,
        h("a", { class: "button button-quiet", href: link("trash") }, t("Trash")),
      ),
    ),
    picture.node,
    h("div", { class: "tools" }, words, format, quant, state, least, sort),
    problem,
    nothing,
    h("div", { class: "jobs shelf-list" }, list.node),
  );
  const place = h("div", { class: "model-place" });

  // ---- rows --------------------------------------------------------------------------------------------------

  function row() {
    const line = shelfRow("model");
    /** @type {Model|null} */
    let drawn = null;
    let drawnMarks = "";
    return {
      node: line.node,
      /** @param {Model} next */
      update(next) {
        if (next === drawn) return both.mark(line.anchor);
        drawn = next;
        line.draw(link("models", next.folder), plain(next.folder), aboutOf(next, now()));
        both.mark(line.anchor);
        const words = marksOf(next);
        const key = words.map(([word]) => word).join();
        if (key === drawnMarks) return;
        drawnMarks = key;
        fill(line.marks, ...words.map((mark) => badge(...mark)));
      },
    };
  }

  // ---- drawing -----------------------------------------------------------------------------------------------

  function drawList() {
    const found = library.find(wanted);
    const all = library.rows.size;
    list.update(found);
    text(
      note,
      found.length === all
        ? count(all, "{n} model", "{n} models")
        : t("{n} of {all}", { n: number(found.length), all: count(all, "{n} model", "{n} models") }),
    );
    drawProblem();
    show(nothing, found.length === 0 && (library.whole || all > 0));
    if (!nothing.hidden) fill(nothing, ...emptyWords(all > 0));
  }

  /** @param {boolean} filtered */
  function emptyWords(filtered) {
    return filtered
      ? [
          h("p", { class: "empty-lead" }, t("No model is like that.")),
          h("button", { type: "button", class: "button", signal, on: { click: clearFilters } }, t("Show all of them")),
        ]
      : [
          h("p", { class: "empty-lead" }, t("The library is empty.")),
          h(
            "p",
            {},
            t("What you download appears here, and so does what you put into the folder yourself: {path}", {
              path: library.state?.path ?? "",
            }),
          ),
          h("a", { class: "button", href: link("") }, t("Download a model")),
        ];
  }

  /** Not for every row that comes: at most once a frame, by the store. */
  function drawModels() {
    setOptions(format, [["", t("Every format")], ...pairs(library.values("formats"))], wanted.format);
    setOptions(quant, [["", t("Every variant")], ...pairs(library.values("quants"))], wanted.quant);
    drawList();
    drawSpace();
  }

  function drawSpace() {
    const takers = [...library.rows.values()]
      .filter(({ bytes }) => bytes > 0)
      .sort((a, b) => b.bytes - a.bytes)
      .map(({ folder, bytes }) => ({ name: folder, href: link("models", folder), bytes }));
    show(picture.node, takers.length > 0);
    picture.update(takers, store.disk);
  }

  function drawState() {
    show(scanning, !!library.state?.scanning);
    attr(scan, "aria-disabled", library.state?.scanning ? "true" : null);
    drawProblem();
  }

  function drawProblem() {
    const words = library.problem?.message ?? library.state?.problem ?? "";
    show(problem, words !== "");
    text(problem, words);
  }

  // ---- doing -------------------------------------------------------------------------------------------------

  /** @param {keyof typeof wanted} name @param {string} value */
  function choose(name, value) {
    /** @type {any} */ (wanted)[name] = name === "least" ? Number(value) : value;
    drawList();
  }

  function clearFilters() {
    Object.assign(wanted, { text: "", format: "", quant: "", state: "", least: 0 });
    words.value = "";
    for (const node of [format, quant, state]) node.value = "";
    least.value = "0";
    drawList();
    words.focus();
  }

  async function lookAgain() {
    try {
      await library.scan();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      tell("error", error.message, "scan");
    }
  }

  const both = split({
    root,
    shelf,
    place,
    list,
    view: "models",
    focus: words,
    open: (folder) => modelPage(place, folder, { ...parts, library, act }),
  });
  store.subscribe("models", drawModels, signal);
  store.subscribe("library", drawState, signal);
  store.subscribe("disk", drawSpace, signal);
  drawModels();
  drawState();
  both.move(parts.rest);

  return {
    move: both.move,
    leave() {
      both.leave();
      life.abort();
    },
  };
}

/** @param {HTMLSelectElement} node @param {[string, string][]} options @param {string} value */
function setOptions(node, options, value) {
  const key = JSON.stringify(options);
  if (node.dataset.options !== key) {
    node.dataset.options = key;
    fill(node, ...options.map(([name, label]) => h("option", { value: name }, label)));
  }
  node.value = value;
}

/** @param {string[]} values @returns {[string, string][]} */
const pairs = (values) => values.map((value) => [value, value]);

/** @param {Model} m @param {number} now */
const aboutOf = (m, now) =>
  [
    size(m.bytes),
    m.parameters ? t("{n} parameters", { n: parameters(m.parameters) }) : "",
    m.quants.slice(0, QUANTS_SHOWN).join(", ") +
      (m.quants.length > QUANTS_SHOWN ? ` +${number(m.quants.length - QUANTS_SHOWN)}` : "") || m.formats.join(", "),
    m.modified_at ? since(m.modified_at, now) : "",
  ]
    .filter(Boolean)
    .join(" · ");

/** What is to be said of a model besides its size. @param {Model} m @returns {Parameters<typeof badge>[]} */
function marksOf(m) {
  /** @type {(Parameters<typeof badge>|false)[]} */
  const marks = [
    (m.problem !== null || m.problems > 0) && [t("problem"), "bad", "alert"],
    STATES.changed(m) && [t("changed"), "bad", "alert"],
    STATES.incomplete(m) && [t("incomplete"), "warn", "download"],
    STATES.outdated(m) && [t("update"), "warn", "update"],
    m.files_total > 0 && m.files_proven === m.files_total && [t("proven"), "good", "check"],
  ];
  return marks.filter((mark) => mark !== false);
}
