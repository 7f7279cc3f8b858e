// @ts-check
// Settings: what the server may use, when, and what this browser prefers. The care of the whole library is here, too.
/** @import { Hours, Scrub, Settings } from "../core/types.js" */
/** @import { Parts, Served } from "../main.js" */
import { ApiError } from "../core/api.js";
import { fill, h, icon, show, text } from "../core/dom.js";
import { count, fraction, moment, number, percent, rate, size } from "../core/format.js";
import { libraryOf } from "../core/library.js";
import { link } from "../core/router.js";
import { LANGUAGES, language, t } from "../core/words.js";
import { field } from "../ui/field.js";
import { styles } from "../ui/styles.js";
import { schedule } from "./schedule.js";
import { tokenForm } from "./token.js";

export const title = t("Settings");

await Promise.all([styles("lists"), styles("settings"), styles("preview")]);

const MB = 1e6;
const LIMIT_MAX_MB = 100_000;
const GIB = 2 ** 30;
const CARDS_MAX = 16;
const CARD_MIN_GIB = 1 / 16; // as the API has it: less or more is a slip of the unit
const CARD_MAX_GIB = 1024;

/** @param {HTMLElement} root @param {Parts & Served} parts @returns {() => void} unmount */
export function mount(root, { store, api, act, prefs, tell }) {
  const library = libraryOf(api, store);
  const life = new AbortController();
  const { signal } = life;

  // ---- what the line carries ---------------------------------------------------------------------------------

  const limit = amount(
    t("Limit for all downloads together"),
    t("Megabytes a second; empty: no limit."),
    "bandwidth_limit",
  );
  const slow = amount(t("Limit while “Slow” is on"), t("Megabytes a second."), "slow_limit");
  const jobs = whole(t("Downloads at a time"), t("The others wait their turn."), "max_downloads", 64);
  const connections = whole(
    t("Connections in all"),
    t("At most. Larder measures how many are worth having and uses no more."),
    "max_connections",
    256,
  );

  /**
   * A number of the settings. @template {"bandwidth_limit"|"slow_limit"|"max_downloads"|"max_connections"} N
   * @param {N} name @param {string} label @param {string} help
   * @param {{ min: number, max: number, step: string, show: (value: number) => string, read: (text: string) => number|null }} kind
   */
  function numberField(name, label, help, { min, max, step, show: shown, read }) {
    const one = field(
      h("input", {
        type: "number",
        min: String(min),
        max: String(max),
        step,
        inputMode: step === "any" ? "decimal" : "numeric",
        data: { testid: name },
      }),
      label,
      help,
    );
    return {
      ...one,
      /** @param {Settings} settings */
      draw(settings) {
        if (document.activeElement !== one.control) one.control.value = shown(settings[name]);
      },
      read() {
        if (one.control.validity.badInput) return null; // its value is "", but something stands there
        const value = read(one.control.value);
        return value === null ? null : { [name]: value };
      },
    };
  }

  /** Megabytes a second. @param {string} label @param {string} help @param {"bandwidth_limit"|"slow_limit"} name */
  function amount(label, help, name) {
    return numberField(name, label, help, {
      min: 0,
      max: LIMIT_MAX_MB,
      step: "any",
      show: (bps) => (bps ? String(bps / MB) : ""),
      read: (text) => {
        const bps = Math.round(Number(text) * MB);
        const bad = !Number.isFinite(bps) || bps < 0 || bps > LIMIT_MAX_MB * MB || (name === "slow_limit" && bps < 1);
        return bad ? null : bps;
      },
    });
  }

  /** @param {string} label @param {string} help @param {"max_downloads"|"max_connections"} name @param {number} most */
  function whole(label, help, name, most) {
    return numberField(name, label, help, {
      min: 1,
      max: most,
      step: "1",
      show: String,
      read: (text) => {
        const value = Number(text);
        return Number.isInteger(value) && value >= 1 && value <= most ? value : null;
      },
    });
  }

  const fields = [limit, slow, jobs, connections];
  for (const one of fields) {
    one.control.addEventListener("change", () => save(one), { signal });
    // What could not be read counts as empty: emptying it is no change then.
    one.control.addEventListener("blur", () => save(one), { signal });
  }

  /** @param {typeof fields[number]} one */
  async function save(one) {
    const patch = one.read();
    one.setProblem(
      patch ? null : { message: t("This is not a number that can be used here."), hint: "", status: 0, requestId: "" },
    );
    if (!patch) return one.setGood("");
    const [[name, value]] = /** @type {[keyof Settings, number][]} */ (Object.entries(patch));
    if (store.settings?.[name] === value) return;
    one.setGood("");
    if (await act("set", patch)) one.setGood(t("Saved."));
  }

  // ---- what models are to run on -----------------------------------------------------------------------------

  const cards = field(
    h("input", {
      type: "text",
      inputMode: "decimal",
      autocomplete: "off",
      placeholder: t("none is known"),
      data: { testid: "gpu_memory" },
    }),
    t("Memory of the graphics cards"),
    t(
      "GiB of each, with blanks between, as the maker says it: 24 24. 0: there is none. Empty: what the kernel tells, which NVIDIA’s driver does not.",
    ),
  );

  /** Bytes of each; null: as the kernel tells; undefined: this cannot be read. @param {string} words */
  function readCards(words) {
    const parts = words
      .replace(/(\d)\s*gi?b?\b/gi, "$1")
      .split(/[\s;]+/)
      .filter(Boolean);
    if (parts.length === 0) return null;
    const bytes = parts.map((part) => Math.round(Number(part) * GIB)); // a comma is refused: it has two meanings
    if (bytes.length === 1 && bytes[0] === 0) return [];
    return bytes.length <= CARDS_MAX && bytes.every((n) => n >= CARD_MIN_GIB * GIB && n <= CARD_MAX_GIB * GIB)
      ? bytes
      : undefined;
  }

  cards.control.addEventListener(
    "change",
    async () => {
      const bytes = readCards(cards.control.value);
      cards.setProblem(
        bytes === undefined
          ? {
              message: t("GiB of each card, like 8, or 24 24; up to 1024 GiB."),
              hint: "",
              status: 0,
              requestId: "",
            }
          : null,
      );
      cards.setGood("");
      if (bytes !== undefined && (await act("set", { gpu_memory: bytes }))) cards.setGood(t("Saved."));
    },
    { signal },
  );

  const effect = h("p", { class: "help", role: "status" });
  const hours = schedule(signal, (next) => act("set", { schedule: /** @type {Hours[]} */ (next) }));

  function drawSettings() {
    const { settings } = store;
    for (const one of [serverBox, machineBox]) show(one, settings !== null);
    if (!settings) return;
    for (const one of fields) one.draw(settings);
    if (document.activeElement !== cards.control)
      cards.control.value = settings.gpu_memory.map((bytes) => String(Math.round((bytes / GIB) * 100) / 100)).join(" ");
    hours.update(settings.schedule);
    const { paused, bandwidth_limit, until } = settings.effect;
    const now = paused
      ? t("Right now all downloads are paused.")
      : bandwidth_limit
        ? t("Right now: at most {rate}.", { rate: rate(bandwidth_limit) })
        : t("Right now there is no limit.");
    text(effect, now + (until ? " " + t("The schedule changes that at {time}.", { time: moment(until) }) : ""));
  }

  const serverBox = box(
    "line",
    t("The line"),
    effect,
    h("div", { class: "settings-fields" }, ...fields.map(({ node }) => node)),
    hours.node,
  );

  const machineBox = box("machine", t("This machine"), cards.node);

  // ---- the library -------------------------------------------------------------------------------------------

  const scrubWords = h("p", {});
  const scrubFindings = h("ul", { class: "trash-paths" });
  const scrubButton = h("button", {
    type: "button",
    class: "button",
    data: { testid: "scrub" },
    signal,
    on: { click: toggleScrub },
  });
  /** @type {Scrub|null} */
  let scrub = null;
  let turn = 0;

  async function loadScrub() {
    const mine = ++turn;
    try {
      const next = await library.scrub();
      if (mine === turn) drawScrub(next);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      text(scrubWords, error.message);
    }
  }

  async function toggleScrub() {
    const mine = ++turn;
    try {
      const next = await library.setScrub(!scrub?.running);
      if (mine === turn) drawScrub(next);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      tell("error", error.message, "scrub");
    }
  }

  /** @param {Scrub} next */
  function drawScrub(next) {
    scrub = next;
    const { running, finished_at, next_at, proven, changed, missing, unknown, files, bytes, at } = next;
    const found = t("{proven} proven, {changed} changed, {missing} missing, {unknown} that nobody knows", {
      proven: number(proven),
      changed: number(changed),
      missing: number(missing),
      unknown: number(unknown),
    });
    text(
      scrubWords,
      running
        ? t("Reading {name}. So far {files}, {size}: {found}.", {
            name: at ?? "…",
            files: count(files, "{n} file", "{n} files"),
            size: size(bytes),
            found,
          })
        : [
            finished_at
              ? t("Last time, {time}: {found}.", { time: moment(finished_at), found })
              : t("It was never done yet."),
            next_at ? t("Next time: {time}.", { time: moment(next_at) }) : t("Nothing is planned."),
          ].join(" "),
    );
    fill(
      scrubFindings,
      ...next.findings.map(({ folder, path, state }) =>
        h(
          "li",
          {},
          h("a", { href: link("models", folder) }, h("bdi", {}, `${folder}/${path}`)),
          " ",
          state === "missing" ? t("is missing") : t("is changed"),
        ),
      ),
    );
    fill(scrubButton, icon(running ? "close" : "shield"), running ? t("Stop") : t("Read all of it now"));
  }

  const tokens = tokenForm({ api, tell, signal });
  const tokenBox = box(
    "token",
    t("The Hub"),
    tokens.node,
    h(
      "p",
      { class: "settings-tools" },
      h("a", { class: "button", href: link("connection") }, icon("search"), t("Examine the connection")),
    ),
  );

  const space = h("p", {});
  function drawSpace() {
    const { disk } = store;
    const { state } = library;
    text(
      space,
      [
        state &&
          t("{models} in {files}, {size}, in {path}.", {
            models: count(state.models, "{n} model", "{n} models"),
            files: count(state.files, "{n} file", "{n} files"),
            size: size(state.bytes),
            path: state.path,
          }),
        disk &&
          t("{free} free of {total} ({percent}).", {
            free: size(disk.free),
            total: size(disk.total),
            percent: percent(fraction(disk.free, disk.total)),
          }),
      ]
        .filter(Boolean)
        .join(" "),
    );
  }

  const careBox = box(
    "care",
    t("The library"),
    space,
    h("h3", {}, t("Proving all of it")),
    h(
      "p",
      { class: "help" },
      t(
        "Every file is read and compared with what the Hub says of it, slowly, so that nobody who uses the disk is held up.",
      ),
    ),
    scrubWords,
    scrubFindings,
    h(
      "div",
      { class: "trash-tools" },
      scrubButton,
      h("a", { class: "button", href: link("trash") }, icon("trash"), t("Trash")),
    ),
  );

  // ---- this browser ------------------------------------------------------------------------------------------

  /** @param {"theme"|"language"} name @param {[string, string][]} options @param {string} label */
  const preference = (name, options, label) => {
    const node = h(
      "select",
      { data: { testid: name }, signal, on: { change: () => prefs.set(name, node.value) } },
      ...options.map(([value, words]) => h("option", { value }, words)),
    );
    node.value = prefs.get(name);
    return field(node, label);
  };
  const theme = preference(
    "theme",
    [
      ["auto", t("As the system")],
      ["light", t("Light")],
      ["dark", t("Dark")],
    ],
    t("Colours"),
  );
  const tongue = preference("language", [["auto", t("As the browser")], ...Object.entries(LANGUAGES)], t("Language"));
  tongue.control.addEventListener(
    "change",
    () => {
      if (tongue.control.value !== language) location.reload();
    },
    { signal },
  );
  const notify = h("input", {
    type: "checkbox",
    checked: prefs.get("notify") === "on",
    data: { testid: "notify" },
    signal,
    on: { change: setNotify },
  });
  const notifyWord = h("p", { class: "help", role: "status" });

  /** Some browsers grant it, and have it for workers only. */
  function canNotify() {
    try {
      new Notification("Larder", { silent: true, tag: "larder" }).close();
      return true;
    } catch {
      return false;
    }
  }

  async function setNotify() {
    if (!notify.checked) return prefs.set("notify", "off");
    const granted = globalThis.Notification && (await Notification.requestPermission()) === "granted" && canNotify();
    prefs.set("notify", granted ? "on" : "off");
    notify.checked = !!granted;
    text(notifyWord, granted ? "" : t("The browser does not allow it. Over plain HTTP it never does."));
  }

  const out = h(
    "button",
    { type: "button", class: "button", data: { testid: "sign-out" }, signal, on: { click: signOut } },
    t("Sign out"),
  );

  async function signOut() {
    try {
      await api.signOut();
      store.set("isOutside", true);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      tell("error", error.message, "sign-out");
    }
  }

  function drawSession() {
    show(out, store.session?.auth === "password" && !!store.session.user);
    show(open, store.session?.auth === "none");
  }

  const open = h(
    "p",
    { class: "help" },
    t("Nobody need sign in here: whoever reaches this page may do everything. LARDER_AUTH changes that."),
  );
  const browserBox = box(
    "browser",
    t("This browser"),
    h("div", { class: "settings-fields" }, theme.node, tongue.node),
    h(
      "label",
      { class: "settings-check" },
      notify,
      t("Tell me by a notification when a job has ended and nobody looks at the page"),
    ),
    notifyWord,
    open,
    h("div", { class: "trash-tools" }, out),
  );

  fill(root, h("div", { class: "settings" }, serverBox, tokenBox, machineBox, careBox, browserBox));
  store.subscribe("settings", drawSettings, signal);
  for (const key of ["scrub", "recovered"]) store.subscribe(key, loadScrub, signal);
  store.subscribe("recovered", tokens.load, signal);
  store.subscribe("session", drawSession, signal);
  for (const key of ["library", "disk"]) store.subscribe(key, drawSpace, signal);
  prefs.watch(({ theme: now }) => (theme.control.value = now), signal);
  drawSettings();
  drawSpace();
  drawSession();
  fill(scrubButton, icon("shield"), t("Read all of it now"));
  loadScrub();
  return () => {
    life.abort();
    root.replaceChildren();
  };
}

/** @param {string} id @param {string} heading @param {...(Node|null)} children */
const box = (id, heading, ...children) =>
  h(
    "section",
    { class: "card settings-box", "aria-labelledby": `settings-${id}` },
    h("h2", { id: `settings-${id}` }, heading),
    ...children,
  );
