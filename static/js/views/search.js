// @ts-check
// What there is at the Hub: a list that is asked for while one types, and beside it the choice of what to download.
/** @import { Found } from "../core/types.js" */
/** @import { Parts, Served } from "../main.js" */
import { fill, h, icon, show, text } from "../core/dom.js";
import { count, number, plain, since } from "../core/format.js";
import { parameters } from "../core/parameters.js";
import { link, route } from "../core/router.js";
import { Search, SIZES } from "../core/search.js";
import { t } from "../core/words.js";
import { badge } from "../ui/badge.js";
import { problemText } from "../ui/field.js";
import { shelfRow } from "../ui/shelf-row.js";
import { split } from "../ui/split.js";
import { styles } from "../ui/styles.js";
import { windowList } from "../ui/window-list.js";
import { isEditable } from "./paste.js";
import { repository } from "./repository.js";

export const title = t("Search");

await Promise.all([styles("lists"), styles("library"), styles("preview")]);

const TYPING_MS = 350;
const LOW_QUOTA = 50;

/** @type {[string, string][]} */
const FORMATS = [
  ["", t("Every format")],
  ["gguf", "GGUF"],
  ["safetensors", "safetensors"],
  ["onnx", "ONNX"],
  ["mlx", "MLX"],
];
/** The Hub's own names. @type {[string, string][]} */
const TASKS = [
  ["", t("For anything")],
  ["text-generation", t("Text")],
  ["image-text-to-text", t("Text about images")],
  ["text-to-image", t("Images")],
  ["text-to-video", t("Videos")],
  ["automatic-speech-recognition", t("Speech to text")],
  ["text-to-speech", t("Text to speech")],
  ["feature-extraction", t("Embeddings")],
  ["text-ranking", t("Ranking")],
  ["translation", t("Translation")],
];
/** @type {[string, string][]} */
const SIZE_WORDS = [
  ["", t("Of any size")],
  ...Object.entries(SIZES).map(
    ([name, [least, most]]) =>
      /** @type {[string, string]} */ ([
        name,
        !least
          ? t("Up to {n}", { n: parameters(most) })
          : !most
            ? t("Over {n}", { n: parameters(least) })
            : t("{from} to {to}", { from: parameters(least), to: parameters(most) }),
      ]),
  ),
];
/** @type {[string, string][]} */
const SORTS = [
  ["trending", t("Trending first")],
  ["downloads", t("Most downloaded first")],
  ["likes", t("Most liked first")],
  ["modified", t("Changed last first")],
  ["created", t("Newest first")],
];
/** @type {[string, string][]} */
const KINDS = [
  ["model", t("Models")],
  ["dataset", t("Datasets")],
];

const NOTHING = { q: "", type: "model", author: "", format: "", task: "", size: "", sort: "trending" };
/** What was asked for, for as long as the page lives; the address has it too, for who comes back or tells somebody. */
const wanted = { ...NOTHING };
const OF_MODELS = { format: "", task: "", size: "" }; // what nothing but a model has
const NAMES = /** @type {(keyof typeof wanted)[]} */ (Object.keys(NOTHING));

/** As it stands behind the address. */
function toQuery() {
  const query = new URLSearchParams(NAMES.filter((n) => wanted[n] !== NOTHING[n]).map((n) => [n, wanted[n]]));
  return query.size ? "?" + query : "";
}

/** Takes what the address asks for: whether that is something else. */
function takeQuery() {
  const { query } = route();
  if (query.size === 0) return false;
  const before = toQuery();
  for (const name of NAMES) wanted[name] = query.get(name) ?? NOTHING[name];
  if (wanted.type === "dataset") Object.assign(wanted, OF_MODELS);
  return toQuery() !== before;
}

/** @param {HTMLElement} root @param {Parts & Served} parts */
export function mount(root, parts) {
  const { store, api, now } = parts;
  const life = new AbortController();
  const { signal } = life;
  const search = new Search(api, draw);
  takeQuery();
  let timer = 0;
  let isDue = false; // the words are others than those that were asked for
  let isBound = false; // for the rows, once they are there
  let retryAt = 0;

  // ---- tools -------------------------------------------------------------------------------------------------

  const words = h("input", {
    type: "search",
    class: "tools-words",
    maxLength: 200,
    placeholder: t("Name of a model"),
    ariaLabel: t("Name of a model"),
    spellcheck: false,
    autocapitalize: "off",
    data: { testid: "hub-words" },
    signal,
    on: { input: () => choose("q", words.value, TYPING_MS), keydown: toRows },
  });
  /** @param {keyof typeof wanted} name @param {string} label @param {[string, string][]} options */
  const choice = (name, label, options) => {
    const node = h(
      "select",
      {
        name,
        ariaLabel: label,
        data: { testid: "hub-" + name },
        signal,
        on: { change: () => choose(name, node.value, 0) },
      },
      ...options.map(([value, said]) => h("option", { value }, said)),
    );
    return node;
  };
  const selects = [
    choice("format", t("Format"), FORMATS),
    choice("task", t("Task"), TASKS),
    choice("size", t("Size"), SIZE_WORDS),
    choice("type", t("Kind"), KINDS),
    choice("sort", t("Order"), SORTS),
  ];
  const author = h("input", {
    type: "search",
    maxLength: 96,
    placeholder: t("By anybody"),
    ariaLabel: t("Author"),
    spellcheck: false,
    autocapitalize: "off",
    data: { testid: "hub-author" },
    signal,
    on: { input: () => choose("author", author.value, TYPING_MS) },
  });

  const looking = h("span", { class: "looking", hidden: true }, h("span", { class: "spinner" }), t("Asking the Hub…"));
  const said = h("p", { class: "help", role: "status" });
  const quota = h("p", { class: "notice", hidden: true });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const againText = h("span", {});
  const again = h(
    "p",
    { class: "again", hidden: true },
    h("button", { type: "button", class: "button", signal, on: { click: retry } }, icon("retry"), t("Try again")),
    againText,
  );
  const nothing = h(
    "div",
    { class: "empty", hidden: true },
    h("p", { class: "empty-lead" }, t("Nothing at the Hub is like that.")),
    h("button", { type: "button", class: "button", signal, on: { click: clear } }, t("Show what is trending")),
  );
  const more = h(
    "button",
    { type: "button", class: "button", hidden: true, data: { testid: "hub-more" }, signal, on: { click: askMore } },
    t("Show more"),
  );
  const list = windowList(t("At the Hub"), (/** @type {Found} */ row) => row.repo, row, signal);
  const rows = h("div", { class: "jobs shelf-list" }, list.node);
  const shelf = h(
    "section",
    { class: "section shelf", "aria-labelledby": "search-title" },
    h("header", { class: "section-head" }, h("h2", { id: "search-title" }, title), looking),
    h("div", { class: "tools", role: "search" }, words, author, ...selects),
    quota,
    problem,
    again,
    said,
    nothing,
    rows,
    more,
  );
  const place = h("div", { class: "model-place" });

  // ---- rows --------------------------------------------------------------------------------------------------

  function row() {
    const line = shelfRow("hub-row");
    /** @type {Found|null} */
    let drawn = null;
    return {
      node: line.node,
      /** @param {Found} next */
      update(next) {
        if (next === drawn) return both.mark(line.anchor);
        drawn = next;
        line.draw(link("search", pathOf(next)), next.repo, metaOf(next, now()));
        both.mark(line.anchor);
        fill(
          line.marks,
          next.present && badge(t("here"), "good", "check"),
          next.gated && badge(t("gated"), "warn", "lock"),
          next.private && badge(t("private"), "plain", "lock"),
        );
      },
    };
  }

  // ---- drawing -----------------------------------------------------------------------------------------------

  function draw() {
    const { busy } = search;
    const found = search.rows;
    const wrong = search.problem;
    show(looking, busy);
    show(problem, !!wrong);
    fill(problem, ...(wrong ? problemText(wrong) : []));
    show(again, !!wrong && wrong.code !== "offline" && wrong.status !== 422);
    const wait = wrong?.retryAfter ?? (wrong?.away ? 5 : 0);
    retryAt = wait ? Date.now() + wait * 1000 : 0;
    show(rows, found.length > 0);
    show(nothing, !busy && !wrong && found.length === 0);
    show(more, found.length > 0 && search.hasMore && !busy);
    text(
      said,
      busy || wrong || !found.length
        ? ""
        : count(found.length, "{n} found", "{n} found") + (search.hasMore ? t(", there are more") : ""),
    );
    const left = search.quota;
    show(quota, !wrong && !!left && left.remaining < LOW_QUOTA);
    if (left) text(quota, t("The Hub answers {n} more questions in the next {s} seconds.", quotaWords(left)));
    list.update(found);
    if (isBound && !busy && document.activeElement === words) list.node.querySelector("a")?.focus();
    if (!busy) isBound = false;
    drawWait();
  }

  function drawWait() {
    const left = Math.ceil((retryAt - Date.now()) / 1000);
    text(againText, retryAt && left > 0 ? t(" by itself in {n} s", { n: left }) : "");
    if (retryAt && left <= 0 && !store.trouble) retry();
  }

  // ---- doing -------------------------------------------------------------------------------------------------

  function ask() {
    clearTimeout(timer);
    isDue = false;
    retryAt = 0;
    note();
    search.ask(wanted);
  }

  /** The address says what is shown. */
  function note() {
    const { view, rest } = route();
    if (view === "search") history.replaceState(null, "", link("search", rest) + toQuery());
  }

  function drawTools() {
    words.value = wanted.q;
    author.value = wanted.author;
    for (const node of selects) {
      const name = /** @type {keyof typeof wanted} */ (node.name);
      node.value = wanted[name];
      if (node.value !== wanted[name]) node.value = wanted[name] = NOTHING[name]; // somebody's own address
    }
    for (const node of selects) node.disabled = wanted.type === "dataset" && node.name in OF_MODELS;
  }

  /** The last question once more: what has come stays, if it was for more. */
  function retry() {
    retryAt = 0;
    if (again.contains(document.activeElement)) words.focus(); // the button goes
    if (search.rows.length) search.more(wanted);
    else ask();
  }

  function askMore() {
    const last = list.node.lastElementChild?.querySelector("a");
    last?.focus({ preventScroll: true }); // the button goes
    search.more(wanted);
  }

  /** @param {keyof typeof wanted} name @param {string} value @param {number} delay */
  function choose(name, value, delay) {
    if (wanted[name] === value) return;
    wanted[name] = value;
    if (name === "type") {
      Object.assign(wanted, OF_MODELS);
      drawTools();
    }
    clearTimeout(timer);
    search.stop(); // its answer would be another question's
    if (!both.opened) scrollTo(0, 0); // it is another list
    isDue = true;
    isBound = false;
    timer = setTimeout(ask, delay);
  }

  /** From the words to what they have found. @param {KeyboardEvent} event */
  function toRows(event) {
    if ((event.key !== "ArrowDown" && event.key !== "Enter") || event.isComposing) return;
    event.preventDefault();
    const [first] = list.node.querySelectorAll("a");
    isBound = isDue || search.busy; // what is shown is of other words
    if (isDue) ask();
    else if (first && !isBound) first.focus();
  }

  function clear() {
    Object.assign(wanted, { ...NOTHING, type: wanted.type, sort: wanted.sort });
    drawTools();
    ask();
    words.focus();
  }

  const both = split({
    root,
    shelf,
    place,
    list,
    view: "search",
    focus: words,
    open: (path) => repository(place, path, search.rows.find((found) => pathOf(found) === path) ?? null, parts),
  });
  /** @param {string} rest */
  function move(rest) {
    const isOther = takeQuery();
    both.move(rest);
    if (!isOther) return note();
    drawTools();
    ask();
  }

  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isEditable(event.target) || both.opened || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      words.focus();
    },
    { signal },
  );
  store.subscribe("tick", drawWait, signal);
  drawTools();
  both.move(parts.rest);
  ask();

  return {
    move,
    leave() {
      clearTimeout(timer);
      search.stop();
      both.leave();
      life.abort();
    },
  };
}

/** Where a row is in the addresses of this page, and at the Hub. @param {Found} row */
const pathOf = ({ type, repo }) => (type === "dataset" ? "datasets/" + repo : repo);

/** @param {Found} row @param {number} now */
const metaOf = (row, now) =>
  [
    row.parameters ? t("{n} parameters", { n: parameters(row.parameters) }) : "",
    row.formats.join(", "),
    t("{n} downloads", { n: number(row.downloads) }),
    count(row.likes, "{n} like", "{n} likes"),
    row.licence ? plain(row.licence) : "",
    row.modified_at ? since(row.modified_at, now) : "",
  ]
    .filter(Boolean)
    .join(" · ");

/** @param {{ remaining: number, reset_s: number }} left */
const quotaWords = (left) => ({ n: number(left.remaining), s: number(left.reset_s) });
