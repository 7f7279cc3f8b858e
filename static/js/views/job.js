// @ts-check
// One download of the list.
/** @import { Actions } from "../core/actions.js" */
/** @import { Store } from "../core/store.js" */
/** @import { Download, JobFile } from "../core/types.js" */
import { COMMANDS } from "../core/actions.js";
import { attr, fill, h, icon, show, text } from "../core/dom.js";
import { count, duration, fraction, moment, percent, rate, safeUrl, since, size } from "../core/format.js";
import { isFinal } from "../core/store.js";
import { badge } from "../ui/badge.js";
import { fileList, pathText } from "../ui/file-list.js";
import { progressBar } from "../ui/progress-bar.js";

/** @type {Record<string, [string, string]>} state: words, icon */
const PHASES = {
  queued: ["Waiting its turn", "clock"],
  resolving: ["Looking up the files", "search"],
  downloading: ["Downloading", "download"],
  verifying: ["Proving every byte", "shield"],
  paused: ["Paused", "pause"],
  waiting: ["Waiting", "clock"],
  completed: ["Complete and proven", "check"],
  failed: ["Failed", "alert"],
  cancelled: ["Cancelled", "close"],
};
/** @type {Record<string, string>} */
const WAITING = {
  rate_limited: "Waiting: the Hub asked us to slow down",
  network: "Waiting for the network",
  disk_full: "Waiting for disk space",
  schedule: "Waiting for its hours",
  hub_unavailable: "Waiting for the Hub",
};
/** @type {Record<string, string>} */
const LINKS = { gated: "Accept the licence on the Hub", unauthorized: "Open the page on the Hub" };
/** @type {Record<string, string>} */
const FILE_STATES = {
  pending: "Waiting",
  checking: "Checking",
  waiting: "Comes with another file",
  copying: "Taken from your library",
  downloading: "Downloading",
  verifying: "Proving",
  done: "Proven",
  failed: "Failed",
};

/**
 * @param {Download} first @param {{ store: Store, actions: Actions, now: () => number }} parts
 * @returns {import("../core/dom.js").Part<Download>}
 */
export function job(first, { store, actions, now }) {
  const { id } = first;
  const life = new AbortController();
  const { signal } = life;
  let download = first;

  const phaseIcon = h("span", { class: "job-icon" });
  const name = h("h3", { class: "job-name" }, repoText(first.repo));
  const tags = h("span", { class: "job-tags" });
  const bar = progressBar("Progress of " + first.repo);
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
  const command = (
    /** @type {string} */ key,
    /** @type {string} */ label,
    /** @type {string} */ image,
    /** @type {() => void} */ click,
  ) =>
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
    command("up", "Sooner", "up", () => actions.shift(id, -1)),
    command("down", "Later", "down", () => actions.shift(id, 1)),
    ...Object.entries(COMMANDS).map(([key, c]) => command(key, c.label, c.icon, () => actions.run(key, id))),
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

  /** @param {Download} next */
  function update(next) {
    download = next;
    const { state } = next;
    const final = isFinal(next);
    const done = fraction(next.bytes_done, next.bytes_total);
    if (state !== shownState) {
      if (shownState && final && !files.hidden) actions.loadFiles(id);
      shownState = node.dataset.state = state;
      fill(phaseIcon, icon(PHASES[state]?.[1] ?? "info"));
    }
    const tagKey = JSON.stringify([next.select, next.exclude, next.revision, next.type, next.kind]);
    if (tagKey !== shownTags) {
      shownTags = tagKey;
      fill(tags, ...describe(next));
    }
    const proven = fraction(next.bytes_verified, next.bytes_total);
    const planned = next.bytes_total > 0;
    const moving = state === "downloading" || state === "verifying";
    show(bar.node, !final || (state === "failed" && done > 0));
    bar.update(done, proven, !planned && !final && state !== "queued" && state !== "paused");
    text(
      phase,
      state === "waiting" ? (WAITING[next.reason?.code ?? ""] ?? PHASES.waiting[0]) : (PHASES[state]?.[0] ?? state),
    );
    fact(
      "bytes",
      !planned
        ? ""
        : state === "completed" || state === "cancelled"
          ? size(next.bytes_total)
          : state === "verifying"
            ? `${size(next.bytes_verified)} of ${size(next.bytes_total)} proven (${percent(proven)})`
            : `${size(next.bytes_done)} of ${size(next.bytes_total)} (${percent(done)})`,
    );
    fact("speed", moving && next.speed_bps > 0 ? rate(next.speed_bps) : "");
    fact("left", moving && next.eta_s !== null ? duration(next.eta_s) + " left" : "");
    updateWhen();
    text(
      filesWord,
      !next.files_total
        ? "Files"
        : final && state === "completed"
          ? count(next.files_total, "file")
          : `${next.files_done} of ${count(next.files_total, "file")}`,
    );
    show(filesButton, next.files_total > 0);
    updateReason(next);
    const buttonsKey = state + " " + store.pending.get(id);
    if (buttonsKey !== shownButtons) {
      shownButtons = buttonsKey;
      updateButtons();
    }
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
          LINKS[why.code] ?? "Open the page",
          icon("external"),
        ),
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
    const kick = download.state === "waiting" ? "Try now" : COMMANDS.resume.label;
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
  }

  /** Each second, for what depends on the time alone. */
  function tick() {
    const at = download.reason?.retry_at;
    if (countdown && at) {
      const seconds = (Date.parse(at) - now()) / 1000;
      text(countdown, seconds > 0.5 ? `Goes on by itself in ${duration(seconds)}.` : "Trying again now.");
    }
    if (isFinal(download)) updateWhen();
  }

  // ---- files -------------------------------------------------------------------------------------------------

  /** @type {ReturnType<typeof fileList<JobFile>>|null} */
  let list = null;
  let nextLoad = 0;

  function toggleFiles() {
    const open = files.hidden !== false;
    show(files, open);
    filesButton.ariaExpanded = String(open);
    if (!open) return store.setFiles(id, null);
    if (!list) {
      list = fileList("Files of " + download.repo, fileRow);
      files.append(list.node);
    }
    store.setFiles(id, []); // from now on the store keeps them
    actions.loadFiles(id);
  }

  function drawFiles() {
    const have = store.files.get(id);
    if (have && list) list.update(have);
  }

  function pollFiles() {
    tick();
    if (files.hidden || isFinal(download) || document.hidden || Date.now() < nextLoad) return;
    nextLoad = Date.now() + ((store.files.get(id)?.length ?? 0) > 200 ? 10_000 : 2000);
    actions.loadFiles(id);
  }

  store.subscribe(
    "download:" + id,
    () => {
      const d = store.downloads.get(id);
      if (d) update(d);
    },
    signal,
  );
  store.subscribe("files:" + id, drawFiles, signal);
  store.subscribe("downloads", updatePlace, signal);
  updatePlace();
  store.subscribe("tick", pollFiles, signal);

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
    d.kind !== "download" ? badge(d.kind) : null,
    d.type === "dataset" ? badge("dataset") : null,
    d.revision && d.revision !== "main" ? badge("@" + d.revision) : null,
    ...some(d.select).map((term) => badge(term)),
    ...some(d.exclude).map((term) => badge("without " + term)),
  ];
}

/** @param {string[]} terms */
const some = (terms) => (terms.length > 4 ? [...terms.slice(0, 3), `and ${terms.length - 3} more`] : terms);

/** @param {string} repo */
function repoText(repo) {
  const cut = repo.indexOf("/") + 1;
  return h("bdi", { title: repo }, h("span", { class: "repo-owner" }, repo.slice(0, cut)), repo.slice(cut));
}

/** @param {JobFile} file @returns {import("../core/dom.js").Part<JobFile>} */
function fileRow(file) {
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
      text(state, busy ? percent(fraction(next.bytes_done, next.size)) : (FILE_STATES[next.state] ?? next.state));
    },
  };
}
