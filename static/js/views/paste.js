// @ts-check
// The paste box: asks the daemon what a text means, shows it, lets the choice be changed, starts the download.
/** @import { Actions, Tell } from "../core/actions.js" */
/** @import { Store } from "../core/store.js" */
/** @import { Terms } from "../core/choice.js" */
/** @import { Preview, Wish } from "../core/types.js" */
import { ApiError, isAbort } from "../core/api.js";
import { agrees, parseTerms, termsFor } from "../core/choice.js";
import { h, icon, show, text } from "../core/dom.js";
import { isolate, size } from "../core/format.js";
import { field } from "../ui/field.js";
import { previewPanel } from "./preview.js";

const TYPING_MS = 450;
const TICKING_MS = 250;
const LONGEST = 4096; // characters of a text that is worth a question
const HELP =
  "A name like owner/name or owner/name:Q4_K_M, any address on the Hub, or a whole command such as “hf download …” or “llama-server -hf …”.";

/**
 * @param {{ store: Store, actions: Actions, tell: Tell, signal: AbortSignal, reveal: (id: string) => void }} parts
 */
export function paste({ store, actions, tell, signal, reveal }) {
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
  let timer = 0;

  // ---- nodes -------------------------------------------------------------------------------------------------

  const input = h("textarea", {
    class: "paste-input",
    rows: 1,
    spellcheck: false,
    autocapitalize: "off",
    autocomplete: "off",
    placeholder: "Paste a model here",
    enterKeyHint: "go",
    data: { testid: "paste" },
  });
  const clearButton = h(
    "button",
    {
      type: "button",
      class: "button-icon paste-clear",
      ariaLabel: "Clear",
      title: "Clear",
      hidden: true,
      signal,
      on: { click: () => (reset(), input.focus()) },
    },
    icon("close"),
  );
  const box = field(
    input,
    "What would you like to download?",
    HELP,
    h("div", { class: "paste-box" }, input, clearButton),
  );

  const area = () => h("textarea", { rows: 1, spellcheck: false, autocapitalize: "off", autocomplete: "off" });
  const select = field(
    area(),
    "Only files that match",
    "One term a line: a variant (Q4_K_M), part of a path, a pattern (*.json) or /a regular expression/.",
  );
  const exclude = field(area(), "Leave out", "Same kinds of terms.");
  const revision = field(
    h("input", { type: "text", spellcheck: false, autocapitalize: "off", autocomplete: "off", placeholder: "main" }),
    "Revision",
    "A branch, a tag or a commit.",
  );
  const type = field(
    h(
      "select",
      {},
      h("option", { value: "" }, "As the text says"),
      h("option", { value: "model" }, "Model"),
      h("option", { value: "dataset" }, "Dataset"),
    ),
    "Kind",
  );
  const advanced = h(
    "details",
    { class: "disclosure" },
    h("summary", {}, icon("chevron"), "More options"),
    h("div", { class: "advanced" }, select.node, exclude.node, revision.node, type.node),
  );

  const looking = h("p", { class: "looking", hidden: true }, h("span", { class: "spinner" }), "Asking the Hub…");
  const againText = h("span", {});
  const again = h(
    "p",
    { class: "again", hidden: true },
    h("button", { type: "button", class: "button", signal, on: { click: () => look(0) } }, icon("retry"), "Try again"),
    againText,
  );
  const duplicate = h(
    "p",
    { class: "again", hidden: true },
    h("button", { type: "button", class: "button", signal, on: { click: showDuplicate } }, "Show that download"),
  );
  const panel = previewPanel({ signal, choose });
  const startText = h("span", {}, "Download");
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

  const node = h(
    "section",
    { class: "card paste", ariaLabel: "New download" },
    box.node,
    looking,
    again,
    duplicate,
    panel.node,
    advanced,
    panel.totals,
    foot,
  );

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
    if (asked.length > LONGEST) {
      return refuse(new ApiError(422, { detail: "That is too long to be a model's name or address.", field: "repo" }));
    }
    const mine = (request = new AbortController());
    try {
      const answer = await actions.preview(wish(), mine.signal);
      if (request !== mine) return;
      if (ticked && !literal && !agrees(answer.files, wanted)) {
        terms = termsFor(answer.files, wanted, true);
        return ask(true);
      }
      accept(answer, asked);
    } catch (error) {
      if (isAbort(error) || request !== mine) return;
      if (!(error instanceof ApiError)) throw error;
      refuse(error);
    }
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
    writeFields(answer);
    panel.update(answer, wanted);
    draw();
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

  // ---- choosing ----------------------------------------------------------------------------------------------

  /** The boxes changed. @param {Set<string>} next */
  function choose(next) {
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
    if (asText()) look(TYPING_MS);
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

  function ready() {
    return current() && !busy && !starting && !problem && wanted.size > 0 && (preview?.disk.after ?? -1) >= 0;
  }

  async function start() {
    if (!preview || !ready()) return;
    const { repo, type: kind, revision: at, commit, select: only, exclude: without, bytes_to_fetch } = preview;
    starting = true;
    draw();
    try {
      const download = await actions.start({ repo, type: kind, revision: at, commit, select: only, exclude: without });
      starting = false;
      reset();
      tell(
        "success",
        bytes_to_fetch
          ? `${isolate(repo)}: ${size(bytes_to_fetch)} added to the queue.`
          : `${isolate(repo)} added to the queue.`,
        download.id,
      );
      reveal(download.id);
    } catch (error) {
      starting = false;
      if (!(error instanceof ApiError)) throw error;
      refuse(error);
      retryAt = 0; // starting is never repeated by itself
      draw();
    }
  }

  async function showDuplicate() {
    const id = problem?.download;
    if (id && (store.downloads.has(id) || (await actions.refresh(id)))) reveal(id);
  }

  // ---- drawing -----------------------------------------------------------------------------------------------

  function reset() {
    clearTimeout(timer);
    request?.abort();
    request = preview = problem = null;
    busy = ticked = false;
    retryAt = 0;
    terms = { select: [], exclude: [] };
    for (const f of [box, select, exclude, revision, type]) f.control.value = "";
    advanced.open = false;
    panel.update(null, new Set());
    draw();
  }

  function draw() {
    show(clearButton, input.value !== "");
    show(looking, busy);
    drawProblem();
    panel.setBusy(busy || !current());
    show(foot, preview !== null);
    box.showHelp(preview === null);
    startButton.disabled = !ready();
    if (preview) {
      text(
        startText,
        starting
          ? "Starting…"
          : wanted.size && preview.bytes_to_fetch
            ? `Download ${size(preview.bytes_to_fetch)}`
            : "Download",
      );
      const [words, bad] = judge(preview);
      text(verdict, words);
      verdict.classList.toggle("verdict-bad", bad);
    }
  }

  /** The sentence beside the button. @param {Preview} p @returns {[string, boolean]} */
  function judge(p) {
    if (wanted.size === 0) return ["Nothing is chosen yet. Tick what you want.", false];
    if (busy || !current()) return ["", false];
    if (problem) return [problem.message, true]; // its place may be out of sight
    if (p.disk.after < 0)
      return [
        `This does not fit: ${size(-p.disk.after)} more is needed than is free. Choose less, or make room.`,
        true,
      ];
    if (p.bytes_to_fetch === 0) return ["All of it is on the disk already.", false];
    return [`Goes to ${p.folder}`, false];
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
    show(again, !!shown && (shown.away || shown.status === 429 || shown.status >= 500));
    drawWait();
  }

  function drawWait() {
    const left = Math.ceil((retryAt - Date.now()) / 1000);
    text(againText, retryAt && !busy ? (left > 0 ? ` by itself in ${left} s` : "") : "");
    if (retryAt && left <= 0 && !busy && !store.trouble) look(0);
  }

  // ---- listening ---------------------------------------------------------------------------------------------

  input.addEventListener(
    "input",
    (event) => {
      if (!current()) {
        problem = null;
        if (preview) {
          // another text: what was chosen in the old one does not apply
          terms = { select: [], exclude: [] };
          for (const f of [select, exclude, revision]) f.control.value = "";
          ticked = false;
        }
      }
      if (asText() === "") return reset();
      look(/** @type {InputEvent} */ (event).inputType === "insertFromPaste" ? 0 : TYPING_MS);
    },
    { signal },
  );

  input.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      if (ready()) start();
      else if (!starting && asText()) look(0);
    },
    { signal },
  );

  // Pasting anywhere means pasting here; so does "/".
  document.addEventListener(
    "paste",
    (event) => {
      const words = event.clipboardData?.getData("text/plain").trim();
      if (isEditable(event.target) || !words || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      reset();
      input.value = words;
      input.focus();
      look(0);
    },
    { signal },
  );
  document.addEventListener(
    "keydown",
    (event) => {
      if (
        event.key !== "/" ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        isEditable(event.target) ||
        document.querySelector("dialog[open]")
      )
        return;
      event.preventDefault();
      input.focus();
    },
    { signal },
  );

  store.subscribe("tick", drawWait, signal);
  store.subscribe(
    "trouble",
    () => {
      if (!store.trouble && problem?.away && !busy && retryAt) look(0);
    },
    signal,
  );
  requestAnimationFrame(() => input.focus({ preventScroll: true }));
  return node;
}

/** @template {string} K @param {K} name @param {string} value @returns {Partial<Record<K, string>>} */
const optional = (name, value) => /** @type {any} */ (value ? { [name]: value } : {});

/** @param {EventTarget|null} target */
const isEditable = (target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select"));
