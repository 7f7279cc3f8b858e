// @ts-check
// What the text in the paste box means: asks the daemon, shows it, lets the choice be changed, starts the download.
/** @import { Parts } from "../main.js" */
/** @import { Terms } from "../core/choice.js" */
/** @import { Download, Preview, Wish } from "../core/types.js" */
import { ApiError, isAbort } from "../core/api.js";
import { agrees, parseTerms, termsFor } from "../core/choice.js";
import { attr, h, icon, show, text } from "../core/dom.js";
import { count, duration, isolate, size } from "../core/format.js";
import { late } from "../core/late.js";
import { link } from "../core/router.js";
import { sought } from "../core/search.js";
import { t } from "../core/words.js";
import { field, problemBox } from "../ui/field.js";
import { styles } from "../ui/styles.js";
import { previewPanel } from "./preview.js";

const TYPING_MS = 450;
const TICKING_MS = 250;
const LONGEST_LIST = 180_000; // and of one that may hold several things
const LONGEST = 4096; // characters of a text that is worth a question

/** What somebody has chosen by hand of the text that outlives the view. */
const kept = {
  text: "",
  terms: /** @type {Terms} */ ({ select: [], exclude: [] }),
  revision: "",
  type: "",
  isNone: false,
};

/** Settled when it can be drawn. */
export const ready = styles("preview");

/**
 * `keeps`: the text outlives the view.
 * @param {Omit<Parts, "rest"> & { signal: AbortSignal, reveal: (id: string) => void, node: HTMLElement,
 *   input: HTMLTextAreaElement, clear: HTMLButtonElement, help: HTMLElement, keeps: boolean }} parts
 */
export function pasteForm({ store, act, served, tell, signal, reveal, node, input, clear, help, keeps }) {
  /** @type {Preview|null} */
  let preview = null;
  let previewText = ""; // what the preview answers
  /** @type {Set<string>} */
  let wanted = new Set();
  /** @type {Terms} */
  let terms = { select: [], exclude: [] };
  let ticked = false; // the terms come from the boxes: the answer must agree with them
  let busy = false;
  let starting = false;
  /** @type {ApiError|null} */
  let problem = null;
  let retryAt = 0;
  /** @type {AbortController|null} */
  let request = null;
  /** @type {AbortController|null} */
  let fitRequest = null;
  let fitOf = ""; // what the panel has been told of
  let deciding = false; // whoever named a model of many variants gets the one that suits this machine, once that is known
  let byHand = false; // unless something of it was chosen by hand
  let isBack = false; // somebody had done that before, and has been elsewhere
  let warning = ""; // about what is shown
  /** @type {string[]} */
  let warnsOf = []; // these files of it; none: of any
  let timer = 0;

  // ---- nodes -------------------------------------------------------------------------------------------------

  clear.addEventListener("click", () => (reset(), input.focus()), { signal });
  const box = { control: input, ...problemBox(input, help) };
  help.after(box.node);

  const area = () => h("textarea", { rows: 1, spellcheck: false, autocapitalize: "off", autocomplete: "off" });
  const select = field(
    area(),
    t("Only files that match"),
    t("One term a line: a variant (Q4_K_M), part of a path, a pattern (*.json) or /a regular expression/."),
  );
  const exclude = field(area(), t("Leave out"), t("Same kinds of terms."));
  const revision = field(
    h("input", { type: "text", spellcheck: false, autocapitalize: "off", autocomplete: "off", placeholder: "main" }),
    t("Revision"),
    t("A branch, a tag or a commit."),
  );
  const type = field(
    h(
      "select",
      {},
      h("option", { value: "" }, t("As the text says")),
      h("option", { value: "model" }, t("Model")),
      h("option", { value: "dataset" }, t("Dataset")),
    ),
    t("Kind"),
  );
  const advanced = h(
    "details",
    { class: "disclosure" },
    h("summary", {}, icon("chevron"), t("More options")),
    h("div", { class: "advanced" }, select.node, exclude.node, revision.node, type.node),
  );

  const looking = h("p", { class: "looking", hidden: true }, h("span", { class: "spinner" }), t("Asking the Hub…"));
  const againText = h("span", {});
  const again = h(
    "p",
    { class: "again", hidden: true },
    h(
      "button",
      { type: "button", class: "button", signal, on: { click: () => look(0) } },
      icon("retry"),
      t("Try again"),
    ),
    againText,
  );
  const duplicate = h(
    "p",
    { class: "again", hidden: true },
    h("button", { type: "button", class: "button", signal, on: { click: showDuplicate } }, t("Show that download")),
  );
  const elsewhere = h("a", { class: "button", hidden: true, data: { testid: "elsewhere" } });
  const panel = previewPanel({ signal, choose });
  const startText = h("span", {}, t("Download"));
  const startButton = h(
    "button",
    {
      type: "button",
      class: "button button-primary",
      disabled: true,
      "aria-describedby": "verdict",
      data: { testid: "start" },
      signal,
      on: { click: start },
    },
    icon("download"),
    startText,
  );
  const verdict = h("p", { class: "verdict", id: "verdict" });
  const foot = h("div", { class: "paste-foot", hidden: true }, verdict, startButton);

  node.append(looking, again, duplicate, elsewhere, panel.node, advanced, panel.totals, foot);
  let listed = ""; // the text that is a list, and shown as one
  let listedRaw = ""; // as it stands in the box
  let single = ""; // the text that has several lines, and is one thing all the same
  const lists = late(async () => {
    const { pasteList } = await import("./paste-list.js");
    const made = pasteList({ act, signal, finished });
    node.append(made.node);
    return made;
  });

  // ---- asking ------------------------------------------------------------------------------------------------

  /** One line: a command may have come with continuation lines. */
  const asText = () => input.value.replace(/\s*\\?[\r\n]+\s*|[\t\u00a0]+/g, " ").trim();
  const current = () => preview !== null && asText() === previewText;

  /** @returns {Wish} */
  function wish() {
    if (!preview || !current()) {
      return {
        repo: asText(),
        ...optional("type", type.control.value),
        ...optional("revision", revision.control.value.trim()),
        ...terms,
      };
    }
    const sameType = type.control.value === "" || type.control.value === preview.type;
    const wantedRevision = revision.control.value.trim() || preview.revision;
    return {
      repo: preview.repo,
      type: sameType ? preview.type : type.control.value,
      revision: wantedRevision,
      ...optional("commit", sameType && wantedRevision === preview.revision ? preview.commit : ""),
      ...terms,
    };
  }

  /** The text, when it may hold several things; a workflow without its blanks. */
  function several() {
    const raw = input.value.trim();
    if (!raw.startsWith("{")) return /\S[^\n]*\n\s*\S/.test(raw.replace(/\\\r?\n/g, " ")) ? raw : "";
    try {
      return JSON.stringify(JSON.parse(raw));
    } catch {
      return raw;
    }
  }

  /** Shows the list that is in the box. False: it is one thing. @param {string} words */
  async function askForList(words) {
    const mine = (request = new AbortController());
    const pasted = await (await served).api.call("POST", "paste", { body: { text: words }, signal: mine.signal });
    if (request !== mine) return true;
    if (pasted.kind === "one") {
      hideList();
      single = words;
      return false;
    }
    const panelOfLists = await lists();
    if (request !== mine) return true;
    request = null;
    busy = false;
    problem = null;
    preview = null;
    listed = words;
    listedRaw = input.value.trim();
    panel.update(null, new Set());
    panelOfLists.update(pasted);
    draw();
    return true;
  }

  /** All of the list is in the queue. @param {string[]} ids @param {boolean} isStillThere it is what the box holds */
  function finished(ids, isStillThere) {
    if (isStillThere) reset();
    else if (signal.aborted && keeps && store.draft.trim() === listedRaw) store.draft = "";
    tell("success", count(ids.length, "{n} download added to the queue.", "{n} downloads added to the queue."));
    if (!signal.aborted) reveal(ids[0]);
  }

  function hideList() {
    if (!listed) return;
    listed = "";
    lists().then(({ update }) => listed || update(null));
  }

  /** Ask soon. @param {number} delay */
  function look(delay) {
    clearTimeout(timer);
    request?.abort();
    request = null;
    retryAt = 0;
    busy = true;
    timer = setTimeout(ask, delay);
    draw();
  }

  async function ask(literal = false) {
    const asked = asText();
    if (asked === "") return reset();
    const words = several();
    try {
      if (words && words !== single && words.length <= LONGEST_LIST && (await askForList(words))) return;
    } catch (error) {
      if (isAbort(error)) return;
      if (!(error instanceof ApiError)) throw error;
      hideList();
      return refuse(error);
    }
    if (asked.length > LONGEST) {
      return refuse(
        new ApiError(422, { detail: t("That is too long to be a model’s name or address."), field: "repo" }),
      );
    }
    const mine = (request = new AbortController());
    /** @type {Preview} */
    let answer;
    try {
      answer = await act("preview", wish(), mine.signal);
    } catch (error) {
      if (isAbort(error) || request !== mine) return;
      if (!(error instanceof ApiError)) throw error;
      return refuse(error);
    }
    if (request !== mine) return;
    if (ticked && !literal && !agrees(answer.files, wanted)) {
      terms = termsFor(answer.files, wanted, true);
      return ask(true);
    }
    accept(answer, asked);
  }

  /** @param {Preview} answer @param {string} asked */
  function accept(answer, asked) {
    request = null;
    busy = false;
    ticked = false;
    problem = null;
    preview = answer;
    previewText = asked;
    wanted = new Set(answer.files.filter((f) => f.selected).map((f) => f.path));
    terms = { select: answer.select, exclude: answer.exclude };
    if (fitOf !== keyOf(answer)) fitOf = ""; // the panel has forgotten it
    deciding = mayDecide(answer);
    writeFields(answer);
    drawMatches(answer);
    panel.update(answer, wanted);
    draw();
    if (isBack && kept.isNone) choose(new Set());
    isBack = false;
    void lookAtFit(answer);
  }

  /** A whole repository was named, and nobody wants all of its variants. @param {Preview} p */
  function mayDecide(p) {
    const isWhole = p.select.length === 0 && p.exclude.length === 0;
    const variants = p.groups.filter((g) => g.kind === "gguf" && g.quant !== null).length;
    return isWhole && variants > 1 && p.type === "model" && !byHand;
  }

  /** Where that is not known, all stays chosen. @param {Set<string>|null} paths */
  function decide(paths) {
    if (!deciding || !current()) return;
    deciding = false;
    if (paths) apply(paths);
    else draw();
  }

  /** Where the variants would run, told when it is known: the choice does not wait for it. @param {Preview} p */
  async function lookAtFit(p) {
    const key = keyOf(p);
    if (p.type !== "model" || p.groups.length === 0) return;
    if (fitOf === key) return decide(panel.recommendedPaths());
    fitOf = "";
    fitRequest?.abort();
    const mine = (fitRequest = new AbortController());
    try {
      const fit = await act("fit", p.id, AbortSignal.any([mine.signal, signal]));
      if (fitRequest !== mine || !preview || keyOf(preview) !== key) return;
      fitOf = key;
      panel.setFit(fit);
      decide(panel.recommendedPaths());
    } catch (error) {
      if (isAbort(error)) return;
      if (!(error instanceof ApiError)) throw error; // it is not said then, and nothing is lost
      if (fitRequest === mine) decide(null);
    }
  }

  /** @param {ApiError} error */
  function refuse(error) {
    request = null;
    busy = false;
    problem = error;
    const wait = error.retryAfter ?? (error.away ? 5 : 0);
    retryAt = wait ? Date.now() + wait * 1000 : 0;
    if (!current()) {
      preview = null;
      panel.update(null, new Set());
    }
    draw();
  }

  /** What the terms come to, beside them. @param {Preview} p */
  function drawMatches(p) {
    const left = p.files_total - p.files_selected;
    select.setGood(p.select.length ? count(p.files_selected, "{n} file matches", "{n} files match") : "");
    exclude.setGood(p.exclude.length ? count(left, "{n} file is left out", "{n} files are left out") : "");
  }

  // ---- choosing ----------------------------------------------------------------------------------------------

  /** Somebody chose. */
  function settle() {
    deciding = false;
    byHand = true;
  }

  /** For who goes elsewhere and comes back. */
  function keep() {
    if (!keeps) return;
    Object.assign(kept, {
      text: asText(),
      terms,
      revision: revision.control.value,
      type: type.control.value,
      isNone: preview !== null && wanted.size === 0,
    });
  }

  /** The boxes changed. @param {Set<string>} next */
  function choose(next) {
    if (!preview) return;
    settle();
    apply(next);
    keep();
  }

  /** @param {Set<string>} next */
  function apply(next) {
    if (!preview) return;
    wanted = next;
    panel.setChoice(next);
    if (next.size === 0) {
      // no terms mean everything, so nothing cannot be asked for
      clearTimeout(timer);
      request?.abort();
      request = null;
      busy = false;
      return draw();
    }
    terms = termsFor(preview.files, next);
    ticked = true;
    look(TICKING_MS);
  }

  /** The fields changed. */
  function readFields() {
    ticked = false;
    terms = {
      select: parseTerms(select.control.value, preview?.files),
      exclude: parseTerms(exclude.control.value, preview?.files),
    };
    settle();
    keep();
    if (asText()) look(TYPING_MS);
  }

  /** @param {typeof kept} before */
  function comeBack(before) {
    Object.assign(kept, before);
    terms = before.terms;
    select.control.value = terms.select.join("\n");
    exclude.control.value = terms.exclude.join("\n");
    revision.control.value = before.revision;
    type.control.value = before.type;
    isBack = byHand = true;
  }

  /** What was chosen in another text does not apply. */
  function unchoose() {
    terms = { select: [], exclude: [] };
    for (const f of [select, exclude, revision]) f.control.value = "";
    ticked = deciding = byHand = isBack = false;
    fitRequest?.abort();
  }

  /** Not under the fingers of someone who types. @param {Preview} p */
  function writeFields(p) {
    for (const [f, value] of /** @type {[typeof select, string][]} */ ([
      [select, p.select.join("\n")],
      [exclude, p.exclude.join("\n")],
    ])) {
      if (document.activeElement !== f.control) f.control.value = value;
    }
    if (document.activeElement !== revision.control) revision.control.value = p.revision === "main" ? "" : p.revision;
  }

  for (const { control } of [select, exclude, revision, type])
    control.addEventListener("input", readFields, { signal });

  // ---- starting ----------------------------------------------------------------------------------------------

  function isReady() {
    const fits = (preview?.disk.after ?? -1) >= 0;
    return current() && !busy && !starting && !problem && !deciding && wanted.size > 0 && fits;
  }

  async function start() {
    if (!preview || !isReady()) return;
    const { id, repo, type: kind, revision, commit, select, exclude, bytes_to_fetch } = preview;
    const asked = asText(); // somebody may paste the next one meanwhile
    starting = true;
    draw();
    try {
      const download = await act("start", { preview: id }).catch((error) => {
        if (error.code !== "unknown_preview") throw error;
        return act("start", { repo, type: kind, revision, commit, select, exclude }); // the server was begun anew
      });
      starting = false;
      if (asText() === asked && !signal.aborted) reset();
      else draw();
      tell(
        "success",
        bytes_to_fetch
          ? t("{repo}: {size} added to the queue.", { repo: isolate(repo), size: size(bytes_to_fetch) })
          : t("{repo} added to the queue.", { repo: isolate(repo) }),
        download.id,
      );
      reveal(download.id);
    } catch (error) {
      starting = false;
      if (!(error instanceof ApiError)) throw error;
      if (asText() !== asked || signal.aborted) return tell("error", error.message);
      refuse(error);
      retryAt = 0; // starting is never repeated by itself
      draw();
    }
  }

  async function showDuplicate() {
    const id = problem?.download;
    if (id && (store.downloads.has(id) || (await (await served).lists.refresh(id)))) reveal(id);
  }

  // ---- drawing -----------------------------------------------------------------------------------------------

  function reset() {
    clearTimeout(timer);
    request?.abort();
    unchoose();
    fitOf = "";
    request = preview = problem = null;
    busy = false;
    retryAt = 0;
    hideList();
    for (const f of [box, type]) f.control.value = "";
    if (keeps) store.draft = kept.text = "";
    advanced.open = false;
    panel.update(null, new Set());
    draw();
  }

  function draw() {
    show(clear, input.value !== "");
    show(looking, busy);
    drawProblem();
    panel.setBusy(busy || !current());
    show(foot, preview !== null);
    show(advanced, !listed);
    show(help, preview === null && !listed);
    startButton.disabled = !isReady();
    if (preview) {
      text(
        startText,
        starting
          ? t("Starting…")
          : wanted.size && preview.bytes_to_fetch
            ? t("Download {size}", { size: size(preview.bytes_to_fetch) })
            : t("Download"),
      );
      const [words, bad] = judge(preview);
      text(verdict, words);
      verdict.classList.toggle("verdict-bad", bad);
    }
  }

  /** The sentence beside the button. @param {Preview} p @returns {[string, boolean]} */
  function judge(p) {
    if (wanted.size === 0) return [t("Nothing is chosen yet. Tick what you want."), false];
    if (busy || !current()) return ["", false];
    if (deciding) return [t("Looking which variant suits this machine…"), false];
    if (problem) return [problem.message, true]; // its place may be out of sight
    if (p.disk.after < 0)
      return [
        t("This does not fit: {size} more is needed than is free. Choose less, or make room.", {
          size: size(-p.disk.after),
        }),
        true,
      ];
    if (p.bytes_to_fetch === 0) return [t("All of it is on the disk already."), false];
    const speed = usualSpeed(store.finished());
    const folder = isolate(p.folder);
    const where = speed
      ? t("Goes to {folder}, in about {time}", { folder, time: duration(p.bytes_to_fetch / speed) })
      : t("Goes to {folder}", { folder });
    const others =
      p.files_replaced &&
      count(
        p.files_replaced,
        "Another file that has its name there goes to the trash.",
        "{n} other files that have their names there go to the trash.",
      );
    const isWarned = warning !== "" && (warnsOf.length === 0 || warnsOf.some((path) => wanted.has(path)));
    const more = [isWarned && warning, others].filter(Boolean).join(" ");
    return [more ? where + ". " + more : where, isWarned];
  }

  function drawProblem() {
    const shown = busy ? null : problem;
    const at = shown?.field ?? "";
    const target = at.startsWith("select")
      ? select
      : at.startsWith("exclude")
        ? exclude
        : at === "revision"
          ? revision
          : at === "type"
            ? type
            : box;
    for (const f of [box, select, exclude, revision, type]) f.setProblem(f === target ? shown : null);
    if (shown && target !== box) advanced.open = true;
    show(duplicate, !!shown?.download);
    drawElsewhere(shown, target === box);
    show(again, !!shown && (shown.away || shown.status === 429 || shown.status >= 500));
    drawWait();
  }

  /** Words that name no repository may find one; where nobody answers, it can be found out why.
   * @param {ApiError|null} shown @param {boolean} at the text is at fault */
  function drawElsewhere(shown, at) {
    const words = nameIn(asText());
    const isName = at && !/ has no revision /.test(shown?.message ?? "");
    const isSought = isName && ["invalid", "not_found"].includes(shown?.code ?? "") && /^[^/\\]{1,96}$/.test(words);
    const isAway = ["network", "hub_unavailable", "timeout"].includes(shown?.code ?? "");
    show(elsewhere, isSought || isAway);
    text(elsewhere, isAway ? t("Find out why") : t("Look for “{words}” at the Hub", { words: isolate(words) }));
    elsewhere.href = isAway ? link("connection") : link("search") + "?" + new URLSearchParams({ q: words });
  }

  function drawWait() {
    const left = Math.ceil((retryAt - Date.now()) / 1000);
    text(againText, retryAt && !busy ? (left > 0 ? t(" by itself in {n} s", { n: left }) : "") : "");
    if (retryAt && left <= 0 && !busy && !store.trouble) look(0);
  }

  // ---- listening ---------------------------------------------------------------------------------------------

  store.subscribe("tick", drawWait, signal);
  store.subscribe(
    "trouble",
    () => {
      if (!store.trouble && problem?.away && !busy && retryAt) look(0);
    },
    signal,
  );

  return {
    /** The text is another one. @param {boolean} pasted */
    changed(pasted) {
      if (!several()) hideList();
      if (!current()) {
        problem = null;
        if (preview || isBack) unchoose();
      }
      if (asText() === "") reset();
      else look(pasted ? 0 : TYPING_MS);
    },
    enter() {
      if (listed) lists().then(({ enter }) => enter());
      else if (isReady()) start();
      else if (!starting && asText() && !(current() && wanted.size === 0)) look(0);
    },
    /** Somebody knows something about it that is worth a thought. @param {string} sentence
     * @param {string[]} paths where it is about these files only */
    warn(sentence, paths) {
      warning = sentence;
      warnsOf = paths;
      draw();
    },
    /** This text, in the place of any other. @param {string} words */
    take(words) {
      const before = { ...kept };
      reset();
      input.value = words;
      if (keeps) store.draft = words;
      if (keeps && asText() === before.text) comeBack(before);
      input.focus();
      look(0);
    },
  };
}

/** As the panel tells them apart. @param {Preview} p */
const keyOf = (p) => p.type + " " + p.repo + " " + p.commit;

/** @template {string} K @param {K} name @param {string} value @returns {Partial<Record<K, string>>} */
const optional = (name, value) => /** @type {any} */ (value ? { [name]: value } : {});

/** Bytes a second that the last downloads came to, or 0 when there are none to tell. @param {Download[]} finished */
function usualSpeed(finished) {
  let bytes = 0;
  let ms = 0;
  const done = finished.filter((d) => d.state === "completed" && d.kind === "download" && d.started_at);
  for (const { bytes_total, bytes_present = 0, started_at, finished_at } of done.slice(0, 5)) {
    bytes += bytes_total - bytes_present;
    ms += Date.parse(finished_at ?? "") - Date.parse(started_at ?? "");
  }
  return ms > 0 ? (bytes / ms) * 1000 : 0;
}

/** Of what is pasted, the words by which a model may be sought. @param {string} text */
function nameIn(text) {
  const place = text.split(" ").findLast((word) => word.includes("/"));
  const [first = "", second] = sought(place ?? text).name.split("/");
  return (second || first).replace(/[:@]\S*$/, "").trim();
}
