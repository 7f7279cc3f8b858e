// @ts-check
// One download of the list, or another job: a verification, a repair, an update.
/** @import { Download, Findings } from "../core/types.js" */
/** @import { Parts, Served } from "../main.js" */
import { COMMANDS } from "../core/commands.js";
import { attr, fill, h, icon, show, text } from "../core/dom.js";
import { count, duration, fraction, moment, percent, plain, rate, safeUrl, since, size } from "../core/format.js";
import { late } from "../core/late.js";
import { link } from "../core/router.js";
import { isFinal } from "../core/store.js";
import { t, tn } from "../core/words.js";
import { badge } from "../ui/badge.js";
import { progressBar } from "../ui/progress-bar.js";
import { styles } from "../ui/styles.js";

/** @type {Record<string, [string, string]>} state: words, icon */
const PHASES = {
  queued: [t("Waiting its turn"), "clock"],
  resolving: [t("Looking up the files"), "search"],
  downloading: [t("Downloading"), "download"],
  verifying: [t("Proving every byte"), "shield"],
  paused: [t("Paused"), "pause"],
  waiting: [t("Waiting"), "clock"],
  completed: [t("Complete and proven"), "check"],
  failed: [t("Failed"), "alert"],
  cancelled: [t("Cancelled"), "close"],
};
/** @type {Record<string, string>} */
const WAITING = {
  rate_limited: t("Waiting: the Hub asked us to slow down"),
  network: t("Waiting for the network"),
  disk_full: t("Waiting for disk space"),
  schedule: t("Waiting for its hours"),
  hub_unavailable: t("Waiting for the Hub"),
};
/** @type {Record<string, string>} */
const LINKS = { gated: t("Accept the licence on the Hub"), unauthorized: t("Open the page on the Hub") };
/** @type {Record<string, string>} */
const KINDS = { verify: t("verification"), repair: t("repair"), update: t("update") };

/** As it would be pasted. @param {Download} download */
const named = ({ type, repo, revision }) =>
  (type === "dataset" ? "datasets/" : "") + repo + (revision === "main" ? "" : "@" + revision);

/** What a verification has found. @param {Findings} found */
export function findingsText({ proven, changed, missing, unknown }) {
  return [
    proven && tn(proven, "{n} file proven", "{n} files proven", { n: proven }),
    changed && t("{n} changed", { n: changed }),
    missing && t("{n} missing", { n: missing }),
    unknown && t("{n} nobody knows", { n: unknown }),
  ]
    .filter(Boolean)
    .join(", ");
}

/** What it is doing, in words. @param {Download} d */
function phaseText({ kind, state, reason, findings, bytes_total, bytes_present }) {
  if (state === "waiting") return WAITING[reason?.code ?? ""] ?? PHASES.waiting[0];
  if (kind === "verify" && state === "verifying") return t("Reading what is on the disk");
  if (kind === "verify" && state === "completed" && findings) return findingsText(findings) || t("Nothing to prove");
  if (kind === "update" && state === "completed" && bytes_present === bytes_total) return t("Up to date");
  return PHASES[state]?.[0] ?? state;
}

/** @param {Download} d */
function bytesText({ state, bytes_total: total, bytes_present: present, bytes_done: done, bytes_verified: verified }) {
  if (!total) return "";
  if (state === "completed" && present === total) return t("{total}, all of it here before", { total: size(total) });
  if (state === "completed" && present)
    return t("{total}, {present} of it here before", { total: size(total), present: size(present) });
  if (state === "cancelled") return "";
  if (state === "completed") return size(total);
  const part = state === "verifying" ? verified : done;
  const values = { done: size(part), total: size(total), percent: percent(fraction(part, total)) };
  return state === "verifying"
    ? t("{done} of {total} proven ({percent})", values)
    : t("{done} of {total} ({percent})", values);
}

/** @param {Download} first @param {Pick<Parts & Served, "store"|"act"|"lists"|"now">} parts
 * @returns {import("../core/dom.js").Part<Download>} */
export function job(first, { store, act, lists, now }) {
  const { id } = first;
  const life = new AbortController();
  const { signal } = life;
  let download = first;

  const phaseIcon = h("span", { class: "job-icon", data: { testid: "grip" } });
  const name = h("h3", { class: "job-name" }, repoText(first));
  const tags = h("span", { class: "job-tags" });
  const bar = progressBar(t("Progress of {repo}", { repo: first.repo }));
  const phase = h("span", { class: "job-phase" });
  const facts = Object.fromEntries(["bytes", "speed", "left", "when"].map((k) => [k, h("span", {})]));
  const filesWord = h("span", {});
  const filesButton = h(
    "button",
    {
      type: "button",
      class: "job-files-button",
      ariaExpanded: "false",
      data: { testid: "files" },
      signal,
      on: { click: toggleFiles },
    },
    filesWord,
    icon("chevron"),
  );
  const reason = h("p", { class: "job-reason" });
  const files = h("div", { class: "job-files", hidden: true });

  /** @type {Record<string, HTMLButtonElement>} */
  const buttons = {};
  /** @param {string} key @param {string} label @param {string} image @param {() => void} click */
  const command = (key, label, image, click) =>
    (buttons[key] = h(
      "button",
      {
        type: "button",
        class: "button-icon",
        title: label,
        ariaLabel: `${label}: ${first.repo}`,
        data: { testid: key },
        signal,
        on: { click },
      },
      icon(image),
    ));
  const actionsBox = h(
    "div",
    { class: "job-actions" },
    command("up", t("Sooner"), "up", () => act("shift", id, -1)),
    command("down", t("Later"), "down", () => act("shift", id, 1)),
    ...Object.entries(COMMANDS).map(([key, c]) => command(key, c.label, c.icon, () => act("run", key, id))),
  );

  const node = h(
    "li",
    { class: "job", tabIndex: -1, data: { testid: "download", id } },
    h("div", { class: "job-head" }, phaseIcon, h("div", { class: "job-title" }, name, tags), actionsBox),
    bar.node,
    h("div", { class: "job-facts" }, phase, facts.bytes, facts.speed, facts.left, facts.when, filesButton),
    reason,
    files,
  );

  let shownState = "";
  let shownTags = "";
  let shownReason = "";
  let shownButtons = "";
  /** @type {HTMLElement|null} */
  let countdown = null;
  let skipped = false; // out of sight: the browser does not draw it, and so we need not

  node.addEventListener(
    "contentvisibilityautostatechange",
    (event) => {
      skipped = /** @type {any} */ (event).skipped;
      if (!skipped) update(download);
    },
    { signal },
  );

  /** @param {Download} next */
  function update(next) {
    download = next;
    const { state } = next;
    const final = isFinal(next);
    const done = fraction(next.bytes_done, next.bytes_total);
    const proven = fraction(next.bytes_verified, next.bytes_total);
    if (state !== shownState) {
      if (shownState && final && !files.hidden) lists.loadFiles(id);
      shownState = node.dataset.state = state;
      fill(phaseIcon, icon(PHASES[state]?.[1] ?? "info"));
    }
    const tagKey = JSON.stringify([next.select, next.exclude, next.revision, next.type, next.kind]);
    if (tagKey !== shownTags) {
      shownTags = tagKey;
      fill(tags, ...describe(next));
    }
    updateReason(next);
    const buttonsKey = state + " " + store.pending.get(id);
    if (buttonsKey !== shownButtons) {
      shownButtons = buttonsKey;
      updateButtons();
    }
    if (skipped && !final) return;
    const moving = state === "downloading" || state === "verifying";
    show(bar.node, !final || (state === "failed" && done > 0));
    bar.update(done, proven, !next.bytes_total && !final && state !== "queued" && state !== "paused");
    text(phase, phaseText(next));
    fact("bytes", bytesText(next));
    fact("speed", moving && next.speed_bps > 0 ? rate(next.speed_bps) : "");
    fact("left", moving && next.eta_s !== null ? t("{time} left", { time: duration(next.eta_s) }) : "");
    updateWhen();
    const all = count(next.files_total, "{n} file", "{n} files");
    text(filesWord, state === "completed" ? all : t("{n} of {files}", { n: next.files_done, files: all }));
    show(filesButton, next.files_total > 0);
  }

  /** @param {string} key @param {string} words */
  function fact(key, words) {
    text(facts[key], words);
    show(facts[key], words !== "");
  }

  function updateWhen() {
    const ended = download.finished_at;
    if (!ended || !isFinal(download)) return fact("when", "");
    fact("when", since(ended, now()));
    attr(facts.when, "title", moment(ended));
  }

  /** @param {Download} next */
  function updateReason({ reason: why, state }) {
    const key = JSON.stringify([why, state]);
    if (key === shownReason) return;
    shownReason = key;
    countdown = null;
    show(reason, why !== null && state !== "completed");
    if (!why) return;
    const url = safeUrl(why.url);
    countdown = why.retry_at && state === "waiting" ? h("span", { class: "job-countdown" }) : null;
    fill(
      reason,
      h("bdi", {}, why.message),
      countdown && " ",
      countdown,
      url && " ",
      url &&
        h(
          "a",
          { href: url, target: "_blank", rel: "noopener noreferrer" },
          LINKS[why.code] ?? t("Open the page"),
          icon("external"),
        ),
      " ",
      /^(network|hub_)/.test(why.code) && h("a", { href: link("connection", named(download)) }, t("Find out why")),
    );
    tick();
  }

  function updateButtons() {
    const pending = store.pending.get(id);
    const focus = document.activeElement;
    const lost = focus instanceof HTMLElement && actionsBox.contains(focus);
    for (const [key, c] of Object.entries(COMMANDS)) {
      show(buttons[key], c.states.includes(download.state));
      attr(buttons[key], "aria-disabled", pending ? "true" : null);
      buttons[key].classList.toggle("busy", pending === key);
    }
    const kick = download.state === "waiting" ? t("Try now") : COMMANDS.resume.label;
    buttons.resume.title = kick;
    buttons.resume.ariaLabel = `${kick}: ${download.repo}`;
    if (lost && /** @type {HTMLElement} */ (focus).hidden)
      Object.values(buttons)
        .find((b) => !b.hidden && b !== buttons.up && b !== buttons.down)
        ?.focus();
  }

  /** Moving needs somebody to pass. */
  function updatePlace() {
    const queue = isFinal(download) ? [] : store.active();
    show(buttons.up, queue.length > 1);
    show(buttons.down, queue.length > 1);
    attr(buttons.up, "aria-disabled", queue[0]?.id === id ? "true" : null);
    attr(buttons.down, "aria-disabled", queue.at(-1)?.id === id ? "true" : null);
    node.classList.toggle("job-movable", queue.length > 1);
  }

  /** Each second, for what depends on the time alone. */
  function tick() {
    const at = download.reason?.retry_at;
    if (countdown && at) {
      const seconds = (Date.parse(at) - now()) / 1000;
      text(
        countdown,
        seconds > 0.5 ? t("Goes on by itself in {time}.", { time: duration(seconds) }) : t("Trying again now."),
      );
    }
    if (isFinal(download)) updateWhen();
  }

  const opened = late(async () => {
    const [module] = await Promise.all([import("./job-files.js"), styles("preview")]);
    module.mount(files, id, { store, lists, label: t("Files of {repo}", { repo: first.repo }), signal });
  });

  async function toggleFiles() {
    const open = files.hidden !== false;
    show(files, open);
    filesButton.ariaExpanded = String(open);
    if (!open) return store.setFiles(id, null);
    store.setFiles(id, []); // from now on the store keeps them
    await opened();
    lists.loadFiles(id);
  }

  store.subscribe(
    "download:" + id,
    () => {
      const d = store.downloads.get(id);
      if (d) update(d);
    },
    signal,
  );
  store.subscribe("downloads", updatePlace, signal);
  store.subscribe("tick", tick, signal);
  updatePlace();

  return {
    node,
    update,
    destroy: () => {
      life.abort();
      store.setFiles(id, null);
    },
  };
}

/** What was asked for, in small words. @param {Download} d */
function describe(d) {
  return [
    d.kind !== "download" ? badge(KINDS[d.kind] ?? d.kind, "plain", "shield") : null,
    d.type === "dataset" ? badge(t("dataset")) : null,
    d.revision && d.revision !== "main" ? badge("@" + d.revision) : null,
    ...some(d.select).map((term) => badge(term)),
    ...some(d.exclude).map((term) => badge(t("without {term}", { term }))),
  ];
}

/** @param {string[]} terms */
const some = (terms) => (terms.length > 4 ? [...terms.slice(0, 3), t("and {n} more", { n: terms.length - 3 })] : terms);

/** What is there already leads to its page. @param {Download} d */
function repoText({ repo, folder, kind, state }) {
  const cut = repo.indexOf("/") + 1;
  const words = h(
    "bdi",
    { title: plain(repo) },
    h("span", { class: "repo-owner" }, plain(repo.slice(0, cut))),
    plain(repo.slice(cut)),
  );
  const isThere = folder && (kind !== "download" || state === "completed");
  return isThere ? h("a", { class: "job-link", href: link("models", folder) }, words) : words;
}
