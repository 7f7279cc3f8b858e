// @ts-check
// What a repository holds and what of it is chosen: the contract before the download.
/** @import { Fit, Group, Preview, PreviewFile } from "../core/types.js" */
import { attr, fill, h, icon, keyed, show, text } from "../core/dom.js";
import { count, number, plain, size } from "../core/format.js";
import { link } from "../core/router.js";
import { t } from "../core/words.js";
import { badge } from "../ui/badge.js";
import { fileList, pathText } from "../ui/file-list.js";

const COMPANIONS_SHOWN = 8;

/** @param {{ signal: AbortSignal, choose: (wanted: Set<string>) => void }} parts */
export function previewPanel({ signal, choose }) {
  /** @type {Preview|null} */
  let preview = null;
  /** @type {Set<string>} */
  let wanted = new Set();
  /** @type {Map<string, PreviewFile[]>} */
  let members = new Map();
  /** @type {Group[]} */
  let choices = [];
  /** @type {Fit|null} */
  let fit = null;
  /** @type {Map<string, Group["kind"]>} */
  let kinds = new Map();
  let room = 0; // bytes that may still be promised
  let memory = 0; // of the server, bytes; 0: not known
  let shown = "";

  const understood = h("p", { class: "preview-understood", role: "status" });
  const badges = h("p", { class: "preview-badges" });
  const advice = h("p", { class: "preview-advice", hidden: true });

  // ---- groups ------------------------------------------------------------------------------------------------

  const groupList = h("ul", { class: "groups" });
  const patchGroups = keyed(groupList, (/** @type {Group} */ g) => g.name, groupRow);
  const pick = (/** @type {string} */ label, /** @type {() => Iterable<string>} */ paths) =>
    h(
      "button",
      { type: "button", class: "button button-quiet", signal, on: { click: () => choose(new Set(paths())) } },
      label,
    );
  const allPaths = () => (preview?.files ?? []).map((f) => f.path);
  const groupTitle = h("h2", {});
  const groupTools = h(
    "span",
    {},
    pick(t("All"), allPaths),
    pick(t("None"), () => []),
  );
  const recommendedText = h("span", {});
  const recommendedWhy = h("span", { class: "help" });
  const recommendedButton = h(
    "button",
    {
      type: "button",
      class: "button button-quiet",
      data: { testid: "recommended" },
      signal,
      on: {
        click: () => {
          const paths = recommendedPaths();
          if (paths) choose(paths);
        },
      },
    },
    recommendedText,
  );
  const recommended = h("p", { class: "preview-recommended", hidden: true }, recommendedButton, recommendedWhy);
  const noCard = h(
    "p",
    { class: "help", hidden: true },
    t("No graphics card is known here: this is about the main memory."),
    " ",
    h("a", { href: link("settings") }, t("Name your card")),
  );
  const groupBox = h(
    "section",
    { class: "choice", ariaLabel: t("What to fetch") },
    h("header", { class: "choice-head" }, groupTitle, groupTools),
    advice,
    recommended,
    noCard,
    groupList,
  );

  /** @param {Group} first @returns {import("../core/dom.js").Part<Group>} */
  function groupRow(first) {
    const box = h("input", { type: "checkbox", data: { testid: "group" } });
    const meta = h("span", { class: "group-files" });
    const bytes = h("span", { class: "group-size" });
    const bits = first.bits_per_weight ? t("{n} bits", { n: number(Math.round(first.bits_per_weight * 10) / 10) }) : "";
    const marks = h("span", { class: "group-marks" });
    const only = h(
      "button",
      {
        type: "button",
        class: "button button-quiet group-only",
        ariaLabel: t("Only {name}", { name: first.name }),
        on: { click: () => choose(new Set((members.get(first.name) ?? []).map((f) => f.path))) },
      },
      t("Only"),
    );
    box.addEventListener("change", () => toggle(members.get(first.name) ?? [], box.checked));
    const node = h(
      "li",
      { class: "group", data: { group: first.name } },
      h(
        "label",
        { class: "group-label" },
        box,
        h("bdi", { class: "group-name" }, plain(first.name)),
        meta,
        bytes,
        marks,
      ),
      only,
    );
    return {
      node,
      update(group) {
        const files = members.get(group.name) ?? [];
        const chosen = files.filter((f) => wanted.has(f.path)).length;
        box.checked = chosen > 0 && chosen === files.length;
        box.indeterminate = chosen > 0 && chosen < files.length;
        const missing = sum(files.filter((f) => !f.present));
        const tight = missing > room;
        text(meta, [bits, group.files > 1 && count(group.files, "{n} file", "{n} files")].filter(Boolean).join(", "));
        text(bytes, size(group.bytes));
        node.classList.toggle("group-tight", tight);
        fill(
          marks,
          group.present === "all"
            ? badge(t("on disk"), "good", "check")
            : group.present === "some"
              ? badge(t("partly on disk"))
              : null,
          tight ? badge(t("does not fit the disk"), "bad") : null,
          placeOf(group),
          group.kind === "mlx" ? badge(t("for Apple’s machines"), "plain") : null,
          group.kind === "pickle" ? badge(t("may run code"), "warn") : null,
        );
      },
    };
  }

  /** Where it would run; before that is known, whether it can. @param {Group} group */
  function placeOf(group) {
    const place = fit?.groups.find((g) => g.name === group.name);
    if (!place) return memory && group.bytes > memory ? badge(t("larger than the memory"), "warn") : null;
    const [words, tone] = /** @type {[string, "good"|"plain"|"warn"]} */ (
      {
        gpu: [t("fits the graphics memory"), "good"],
        split: [t("fits graphics memory and memory together"), "plain"],
        memory: [t("fits the memory"), "plain"],
        none: [t("does not fit the memory"), "warn"],
      }[place.fit]
    );
    const needs = t("It needs {size} with a context of {n}.", {
      size: size(place.needed),
      n: number(fit?.context ?? 0),
    });
    return badge(words, tone, undefined, needs);
  }

  /** The variant that this machine is best served by, with what was chosen to go with it. */
  function recommendedPaths() {
    const files = members.get(fit?.recommended?.group ?? "");
    if (!files) return null;
    const companions = (preview?.files ?? []).filter((f) => f.companion && wanted.has(f.path));
    return new Set([...files, ...companions].map((f) => f.path));
  }

  /** One click takes it, and nothing else. */
  function drawRecommended() {
    const group = choices.find((g) => g.name === fit?.recommended?.group);
    const place = fit?.groups.find((g) => g.name === group?.name);
    show(recommended, !!group && !!place && choices.length > 1);
    show(noCard, !!fit?.groups.length && fit.host?.gpus.length === 0);
    if (!group || !place || !fit) return;
    text(recommendedText, t("Take {name}", { name: group.name }));
    if (fit.recommended?.poor && place.fit !== "none")
      return text(
        recommendedWhy,
        t(
          "The best that fits, with a context of {n}. So few bits cost much of its quality: a smaller model may answer better.",
          {
            n: number(fit.context),
          },
        ),
      );
    text(
      recommendedWhy,
      {
        gpu: t("Recommended: the most bits that are worth it and fit the graphics memory, with a context of {n}.", {
          n: number(fit.context),
        }),
        split: t("Recommended: of good quality, divided between graphics memory and memory, with a context of {n}.", {
          n: number(fit.context),
        }),
        memory: t("Recommended: of good quality, and not slower in memory than it must be, with a context of {n}.", {
          n: number(fit.context),
        }),
        none: t("The smallest there is: none fits this machine, with a context of {n}.", { n: number(fit.context) }),
      }[place.fit],
    );
  }

  // ---- companions --------------------------------------------------------------------------------------------

  const companionList = h("ul", { class: "companions" });
  const companionMore = h("p", { class: "help" });
  const patchCompanions = keyed(companionList, (/** @type {PreviewFile} */ f) => f.path, fileRow);
  const every = (/** @type {string} */ label, /** @type {boolean} */ on) =>
    h(
      "button",
      {
        type: "button",
        class: "button button-quiet",
        ariaLabel: t("{which}: companions", { which: label }),
        signal,
        on: {
          click: () =>
            toggle(
              (preview?.files ?? []).filter((f) => f.companion),
              on,
            ),
        },
      },
      label,
    );
  const companionBox = h(
    "section",
    { class: "choice", ariaLabel: t("Goes with it") },
    h(
      "header",
      { class: "choice-head" },
      h("h2", {}, t("Goes with it")),
      every(t("All"), true),
      every(t("None"), false),
    ),
    companionList,
    companionMore,
  );

  // ---- files -------------------------------------------------------------------------------------------------

  const fileSummary = h("span", {});
  const list = fileList(t("Files of the repository"), fileRow);
  const fileBox = h(
    "details",
    { class: "disclosure", data: { testid: "files" } },
    h("summary", {}, icon("chevron"), fileSummary),
    list.node,
  );
  fileBox.addEventListener("toggle", drawFiles, { signal });

  /** @param {PreviewFile} first @returns {import("../core/dom.js").Part<PreviewFile>} */
  function fileRow(first) {
    const box = h("input", { type: "checkbox" });
    const mark = h("span", { class: "file-state" });
    box.addEventListener("change", () => toggle([first], box.checked));
    const node = h(
      "li",
      { class: "file" },
      h("label", { class: "file-label" }, box, pathText(first.path)),
      h("span", { class: "file-meta" }, mark, h("span", { class: "file-size" }, size(first.size))),
    );
    return {
      node,
      update(file) {
        box.checked = wanted.has(file.path);
        const kind = kinds.get(file.group ?? "");
        const use = kind === "projector" ? t("to see images") : kind === "draft" && t("to answer faster");
        text(mark, [use, file.present && t("on disk")].filter(Boolean).join(", "));
      },
    };
  }

  /** @param {PreviewFile[]} files @param {boolean} on */
  function toggle(files, on) {
    const next = new Set(wanted);
    for (const f of files) on ? next.add(f.path) : next.delete(f.path);
    choose(next);
  }

  function drawFiles() {
    if (fileBox.open && preview) list.update(preview.files);
  }

  // ---- totals ------------------------------------------------------------------------------------------------

  const figure = (/** @type {string} */ label) => {
    const value = h("dd", {});
    const note = h("dd", { class: "figure-note" });
    return {
      node: h("div", { class: "figure" }, h("dt", {}, label), value, note),
      set: (/** @type {string} */ words, /** @type {string} */ more) => {
        text(value, words);
        text(note, more);
      },
    };
  };
  const chosen = figure(t("Chosen"));
  const fetching = figure(t("To fetch"));
  const free = figure(t("Free now"));
  const after = figure(t("Free after"));
  const roomBar = h(
    "div",
    { class: "room", ariaHidden: "true" },
    h("span", { class: "room-promised" }),
    h("span", { class: "room-this" }),
  );
  const totals = h(
    "div",
    { class: "totals", hidden: true },
    h("dl", { class: "figures" }, chosen.node, fetching.node, free.node, after.node),
    roomBar,
  );

  function drawTotals() {
    if (!preview) return;
    const { disk, bytes_to_fetch, bytes_selected, files_selected } = preview;
    const kept = disk.kept_free ?? 0;
    const here = bytes_selected - bytes_to_fetch;
    chosen.set(size(bytes_selected), count(files_selected, "{n} file", "{n} files"));
    fetching.set(size(bytes_to_fetch), here > 0 ? t("{size} here already", { size: size(here) }) : "");
    free.set(size(disk.free), disk.reserved ? t("{size} for the queue", { size: size(disk.reserved) }) : "");
    after.set(
      disk.after < 0 ? t("{size} short", { size: size(-disk.after) }) : size(disk.after + kept),
      kept && disk.after >= 0 ? t("{size} of it kept free", { size: size(kept) }) : "",
    );
    totals.classList.toggle("totals-short", disk.after < 0);
    const share = (/** @type {number} */ n) => String(disk.free > 0 ? Math.min(1, n / disk.free) : 1);
    roomBar.style.setProperty("--promised", share(disk.reserved));
    roomBar.style.setProperty("--this", share(disk.reserved + bytes_to_fetch));
  }

  // ------------------------------------------------------------------------------------------------------------

  const node = h(
    "div",
    { class: "preview", data: { testid: "preview" }, hidden: true },
    h("div", { class: "preview-head" }, understood, badges),
    groupBox,
    companionBox,
    fileBox,
  );

  function drawChoice() {
    if (!preview) return;
    patchGroups(choices);
    drawRecommended();
    const companions = preview.files.filter((f) => f.companion);
    patchCompanions(companions.slice(0, COMPANIONS_SHOWN));
    show(companionMore, companions.length > COMPANIONS_SHOWN);
    text(companionMore, t("and {n} more in the list of files", { n: number(companions.length - COMPANIONS_SHOWN) }));
    const whole = choices.filter((g) => members.get(g.name)?.every((f) => wanted.has(f.path)));
    const quants = whole.filter((g) => g.quant !== null);
    show(advice, quants.length > 2);
    text(
      advice,
      t("{n} variants of the same model are chosen. One is usually enough: pick it with “Only”.", {
        n: quants.length,
      }),
    );
    text(
      fileSummary,
      t("{n} of {files} chosen", {
        n: number(wanted.size),
        files: count(preview.files.length, "{n} file", "{n} files"),
      }),
    );
    drawFiles();
  }

  return {
    node,
    totals,
    /** A new answer of the server. @param {Preview|null} next @param {Set<string>} choice */
    update(next, choice) {
      preview = next;
      wanted = choice;
      show(node, !!next);
      show(totals, !!next);
      if (!next) return;
      members = Map.groupBy(
        next.files.filter((f) => f.group !== null),
        (f) => /** @type {string} */ (f.group),
      );
      // What helps a model stands with what goes with it.
      choices = next.groups.filter((g) => g.kind !== "projector" && g.kind !== "draft");
      kinds = new Map(next.groups.map((g) => [g.name, g.kind]));
      room = next.disk.after + next.bytes_to_fetch;
      memory = next.memory ?? 0;
      const key = next.type + " " + next.repo + " " + next.commit;
      if (key !== shown) {
        shown = key;
        fit = null;
        list.reset();
        patchGroups([]);
        patchCompanions([]);
        fileBox.open = choices.length === 0 && next.files.length <= 40;
      }
      text(understood, plain(next.understood));
      fill(badges, ...facts(next));
      show(groupBox, choices.length > 0);
      text(groupTitle, choices.some((g) => g.quant !== null) ? t("Variants") : t("Weights"));
      groupBox.classList.toggle("choice-single", choices.length < 2);
      show(
        companionBox,
        next.files.some((f) => f.companion),
      );
      drawChoice();
      drawTotals();
    },
    /** Where its variants would run. @param {Fit} next */
    setFit(next) {
      fit = next;
      drawChoice();
    },
    recommendedPaths,
    /** Ticked, not yet confirmed by the server. @param {Set<string>} choice */
    setChoice(choice) {
      wanted = choice;
      drawChoice();
    },
    /** @param {boolean} busy */
    setBusy(busy) {
      attr(node, "aria-busy", busy ? "true" : null);
      totals.classList.toggle("totals-old", busy);
    },
  };
}

/** @param {PreviewFile[]} files */
const sum = (files) => files.reduce((n, f) => n + f.size, 0);

/** @param {Preview} p */
const facts = (p) => [
  p.type === "dataset" ? badge(t("dataset"), "plain", "dataset") : badge(t("model"), "plain", "model"),
  badge(
    t("{revision} at {commit}", { revision: p.revision, commit: p.commit.slice(0, 7) }),
    "plain",
    "branch",
    p.commit,
  ),
  p.licence ? badge(p.licence, "plain", "licence", t("Licence")) : badge(t("no licence named"), "plain", "licence"),
  p.gated
    ? badge(
        p.gated === "manual" ? t("gated: the authors approve each request") : t("gated: accept the licence first"),
        "warn",
        "lock",
      )
    : null,
];
