// @ts-check
// One model of the library: what it is, whether it is whole, what it needs, and what can be done with it.
/** @import { Library } from "../core/library.js" */
/** @import { Download, ModelDetail, ModelFile, ModelGroup } from "../core/types.js" */
/** @import { Parts, Served } from "../main.js" */
import { saying } from "../core/actions.js";
import { ApiError, isAbort } from "../core/api.js";
import { attr, fill, h, icon, keyed, show, text } from "../core/dom.js";
import { count, isolate, moment, number, plain, size } from "../core/format.js";
import { link } from "../core/router.js";
import { t } from "../core/words.js";
import { badge } from "../ui/badge.js";
import { confirm } from "../ui/dialog.js";
import { fileList, pathText } from "../ui/file-list.js";
import { styles } from "../ui/styles.js";
import { job } from "./job.js";

await Promise.all([styles("overlays"), styles("jobs")]);

const CONTEXT_DEFAULT = 8192; // tokens
const CONTEXTS = [4096, 8192, 16_384, 32_768, 65_536, 131_072, 262_144, 1_048_576];
const REFRESH_MS = 400; // several changes of a model are one look

/** @type {Record<string, string>} */
const FILE_STATES = {
  proven: t("Proven"),
  unknown: t("Not proven"),
  changed: t("Changed"),
  partial: t("Part of a download"),
  foreign: t("Not a model’s"),
};

/** @param {HTMLElement} root @param {string} folder @param {Parts & Served & { library: Library }} parts */
export function model(root, folder, parts) {
  const { store, library, act, tell } = parts;
  const life = new AbortController();
  const { signal } = life;
  /** @type {ModelDetail|null} */
  let detail = null;
  let context = CONTEXT_DEFAULT;
  let timer = 0;
  /** @type {AbortController|null} */
  let request = null;
  let busy = ""; // the verb under way

  // ---- nodes -------------------------------------------------------------------------------------------------

  const back = h("a", { class: "model-back", href: link("models") }, icon("left"), t("All models"));
  const name = h("h2", { tabIndex: -1 }, h("bdi", {}, plain(folder)));
  const badges = h("p", { class: "preview-badges" });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const update = h("div", { class: "notice", hidden: true });
  const facts = h("dl", { class: "figures" });
  /** @type {Record<string, HTMLButtonElement>} */
  const buttons = {};
  /** @param {string} verb @param {string} label @param {string} image @param {string} title @param {() => void} click */
  const button = (verb, label, image, title, click) =>
    (buttons[verb] = h(
      "button",
      { type: "button", class: "button", title, data: { testid: verb }, signal, on: { click } },
      icon(image),
      label,
    ));
  const tools = h(
    "div",
    { class: "model-tools" },
    button("verify", t("Verify"), "shield", t("Read every byte and compare it with the Hub’s digests"), () =>
      begin("verify"),
    ),
    button("repair", t("Repair"), "wrench", t("Fetch again only what is broken or missing"), () => begin("repair")),
    button("check", t("Check for an update"), "update", t("Ask the Hub whether there is a newer commit"), check),
    button("delete", t("Delete"), "trash", t("To the trash, from where it can be taken back"), () => drop()),
  );
  const jobs = h("ul", { class: "jobs" });
  const patchJobs = keyed(
    jobs,
    (/** @type {Download} */ d) => d.id,
    (d) => job(d, parts),
  );
  const contextChoice = h("select", { data: { testid: "context" }, signal, on: { change: changeContext } });
  const contextBox = h(
    "p",
    { class: "model-context" },
    h("label", {}, t("Memory for a context of"), " ", contextChoice, " ", t("tokens")),
  );
  const groups = h("div", { class: "model-groups" });
  const patchGroups = keyed(groups, (/** @type {ModelGroup} */ g) => g.name, groupPart);
  const others = fileList(t("Other files"), filePart);
  const othersWord = h("span", {});
  const othersBox = h(
    "details",
    { class: "disclosure", signal, on: { toggle: drawOthers } },
    h("summary", {}, icon("chevron"), othersWord),
    others.node,
  );
  const where = h("p", { class: "help" });
  const body = h(
    "div",
    { class: "model-body", hidden: true },
    badges,
    update,
    facts,
    tools,
    jobs,
    contextBox,
    groups,
    othersBox,
    where,
  );
  fill(
    root,
    h("section", { class: "card model", ariaLabel: folder, data: { testid: "model-page" } }, back, name, problem, body),
  );

  // ---- loading -----------------------------------------------------------------------------------------------

  async function load() {
    clearTimeout(timer);
    request?.abort();
    const mine = (request = new AbortController());
    try {
      const answer = await library.detail(folder, context, mine.signal);
      if (request !== mine) return;
      detail = answer;
      show(problem, false);
      draw();
    } catch (error) {
      if (isAbort(error) || request !== mine) return;
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 404) detail = null;
      show(body, detail !== null);
      show(problem, true);
      text(
        problem,
        error.status === 404
          ? t("{folder} is not in the library any more.", { folder: isolate(folder) })
          : error.message,
      );
    }
  }

  function loadSoon() {
    clearTimeout(timer);
    timer = setTimeout(load, REFRESH_MS);
  }

  // ---- drawing -----------------------------------------------------------------------------------------------

  function draw() {
    if (!detail) return;
    const m = detail;
    show(body, true);
    fill(
      badges,
      ...m.formats.map((format) => badge(format)),
      m.revision && m.revision !== "main" ? badge("@" + m.revision, "plain", "branch") : null,
      m.commit ? badge(m.commit.slice(0, 7), "plain", "branch", m.commit) : null,
      m.git ? badge(t("a git working tree")) : null,
      m.problem ? badge(m.problem, "bad", "alert") : null,
    );
    drawUpdate();
    fill(
      facts,
      ...figure(
        t("On disk"),
        size(m.bytes),
        m.partial_bytes ? t("and {size} of parts", { size: size(m.partial_bytes) }) : "",
      ),
      ...figure(
        t("Proven"),
        t("{n} of {files}", { n: number(m.files_proven), files: count(m.files_total, "{n} file", "{n} files") }),
        m.files_changed ? t("{n} changed", { n: number(m.files_changed) }) : "",
      ),
      ...figure(t("Architecture"), m.architecture ?? "", ""),
      ...figure(t("Parameters"), m.parameters ? number(m.parameters) : "", ""),
      ...figure(
        t("Longest context"),
        m.context_length ? number(m.context_length) : "",
        m.context_length ? t("tokens") : "",
      ),
    );
    drawTools();
    drawContexts();
    patchGroups(m.groups);
    const rest = ungrouped();
    show(othersBox, rest.length > 0);
    text(othersWord, count(rest.length, "{n} other file", "{n} other files") + (m.has_more_files ? "+" : ""));
    drawOthers();
    text(where, t("In the folder {path}", { path: isolate(`${library.state?.path ?? ""}/${folder}`) }));
  }

  function drawUpdate() {
    const found = detail?.update;
    show(update, !!found?.available);
    if (!found?.available) return;
    fill(
      update,
      h("p", {}, icon("update"), h("strong", {}, t("An update is there:")), " ", found.summary),
      h(
        "button",
        {
          type: "button",
          class: "button button-primary",
          data: { testid: "update" },
          signal,
          on: { click: () => begin("update") },
        },
        found.bytes ? t("Update ({size})", { size: size(found.bytes) }) : t("Update"),
      ),
    );
  }

  function drawTools() {
    const isHubs = !!detail?.repo;
    for (const verb of ["repair", "check"]) show(buttons[verb], isHubs);
    for (const node of Object.values(buttons)) {
      attr(node, "aria-disabled", busy ? "true" : null);
      node.classList.toggle("busy", node === buttons[busy]);
    }
  }

  function drawContexts() {
    const most = detail?.context_length ?? 0;
    const choices = CONTEXTS.filter((n) => !most || n <= most);
    if (most && !choices.includes(most)) choices.push(most);
    if (!choices.includes(context)) {
      context = choices[choices.length - 1];
      load();
    }
    const key = choices.join();
    if (contextChoice.dataset.options !== key) {
      contextChoice.dataset.options = key;
      fill(contextChoice, ...choices.map((n) => h("option", { value: String(n) }, number(n))));
    }
    contextChoice.value = String(context);
    show(contextBox, !!detail?.groups.some(({ memory }) => memory.cache.f16));
  }

  function changeContext() {
    context = Number(contextChoice.value);
    load();
  }

  const ungrouped = () => (detail?.files ?? []).filter((file) => file.group === null);

  function drawOthers() {
    if (othersBox.open) others.update(ungrouped());
  }

  function drawJobs() {
    patchJobs(store.active().filter((d) => d.folder === folder));
  }

  /** @param {ModelGroup} first @returns {import("../core/dom.js").Part<ModelGroup>} */
  function groupPart(first) {
    let group = first;
    const bytes = h("span", { class: "group-size" });
    const meta = h("span", { class: "group-files" });
    const marks = h("span", { class: "group-marks" });
    const need = h("p", { class: "help" });
    const missing = h("div", { class: "notice", hidden: true });
    const files = fileList(t("Files of {name}", { name: first.name }), filePart);
    const remove = h(
      "button",
      {
        type: "button",
        class: "button button-quiet",
        data: { testid: "delete-group" },
        on: { click: () => drop(group) },
      },
      icon("trash"),
      t("Delete only this"),
    );
    const node = h(
      "details",
      { class: "model-group", data: { testid: "group", group: first.name }, on: { toggle: drawFiles } },
      h("summary", {}, icon("chevron"), h("bdi", { class: "group-name" }, plain(first.name)), meta, bytes, marks),
      h("div", { class: "model-group-body" }, missing, need, files.node, remove),
    );

    function drawFiles() {
      if (/** @type {HTMLDetailsElement} */ (node).open)
        files.update((detail?.files ?? []).filter((file) => file.group === group.name));
    }

    return {
      node,
      update(next) {
        group = next;
        const lacks = next.parts < next.parts_wanted;
        text(bytes, size(next.bytes));
        text(
          meta,
          [
            next.bits_per_weight ? t("{n} bits", { n: number(Math.round(next.bits_per_weight * 10) / 10) }) : "",
            next.parts_wanted > 1
              ? t("{n} of {all} parts", { n: next.parts, all: next.parts_wanted })
              : next.files > 1
                ? count(next.files, "{n} file", "{n} files")
                : "",
          ]
            .filter(Boolean)
            .join(", "),
        );
        fill(marks, lacks ? badge(t("{n} missing", { n: next.parts_wanted - next.parts }), "warn", "alert") : null);
        show(missing, lacks && next.missing.length > 0 && !!detail?.repo);
        if (!missing.hidden)
          fill(
            missing,
            h(
              "p",
              {},
              t("Missing: {names}", {
                names: next.missing.slice(0, 3).join(", ") + (next.missing.length > 3 ? " …" : ""),
              }),
            ),
            h(
              "button",
              {
                type: "button",
                class: "button",
                data: { testid: "fetch-missing" },
                on: { click: () => fetchMissing(next) },
              },
              icon("download"),
              t("Fetch what is missing"),
            ),
          );
        text(need, memoryText(next));
        show(need, need.textContent !== "");
        show(remove, (detail?.groups.length ?? 0) > 1);
        drawFiles();
      },
    };
  }

  // ---- doing -------------------------------------------------------------------------------------------------

  /** @template T @param {string} verb @param {() => Promise<T>} work @returns {Promise<T|null>} */
  async function once(verb, work) {
    if (busy) return null;
    busy = verb;
    drawTools();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      tell("error", saying(error), folder);
      return null;
    } finally {
      busy = "";
      drawTools();
    }
  }

  /** @param {string} verb */
  async function begin(verb) {
    const download = await once(verb, () => library.act(folder, verb));
    if (download && !store.downloads.has(download.id)) store.put(download);
  }

  async function check() {
    const found = await once("check", () => library.act(folder, "check"));
    if (!found) return;
    tell("info", `${isolate(folder)}: ${found.available ? found.summary : t("up to date.")}`, folder);
    load();
  }

  /** @param {ModelGroup} group */
  async function fetchMissing(group) {
    if (!detail?.repo) return;
    const { repo, type, revision } = detail;
    await once("fetch", () =>
      act("start", { repo, type, ...(revision ? { revision } : {}), select: [group.missing[0]] }),
    );
  }

  /** The whole model, or one group of it. @param {ModelGroup} [group] */
  async function drop(group) {
    if (!detail || busy) return;
    const what = isolate(group ? `${folder} ${group.name}` : folder);
    const files = count(group ? group.files : detail.files_total, "{n} file", "{n} files");
    const sure = await confirm({
      title: group ? t("Delete this variant?") : t("Delete this model?"),
      message: t("{what}: {files}, {size}. It goes to the trash, from where it can be taken back.", {
        what,
        files,
        size: size(group ? group.bytes : detail.bytes),
      }),
      yes: t("Delete {size}", { size: size(group ? group.bytes : detail.bytes) }),
      no: t("Keep it"),
    });
    if (!sure) return;
    const entry = await once("delete", () => library.drop(folder, group?.name));
    if (!entry) return;
    tell("success", t("{what} is in the trash.", { what }), "undo " + entry.trash, {
      label: t("Undo"),
      run: () => undo(entry.trash),
    });
    if (!group && location.hash === link("models", folder)) location.hash = link("models");
  }

  /** @param {string} id */
  async function undo(id) {
    try {
      await library.restore(id, false);
      tell("success", t("It is back."), "undo " + id);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      tell("error", error.message, "undo " + id);
    }
  }

  for (const key of ["model:" + folder, "reloaded", "recovered"]) store.subscribe(key, loadSoon, signal);
  for (const key of ["downloads", "progress"]) store.subscribe(key, drawJobs, signal);
  store.subscribe("library", () => detail && draw(), signal);
  drawJobs();
  load();
  name.focus({ preventScroll: true });
  return () => {
    clearTimeout(timer);
    request?.abort();
    life.abort();
    patchJobs([]);
    fill(root);
  };
}

/** @param {string} label @param {string} value @param {string} note */
function figure(label, value, note) {
  return value
    ? [
        h(
          "div",
          { class: "figure" },
          h("dt", {}, label),
          h("dd", {}, value),
          note ? h("dd", { class: "figure-note" }, note) : null,
        ),
      ]
    : [];
}

/** What a runtime needs for it: the weights and the cache. @param {ModelGroup} group */
function memoryText({ memory: { weights, cache, context, sliding_window } }) {
  if (!weights) return "";
  const values = { weights: size(weights), tokens: number(context) };
  if (!cache.f16) return t("Weights in memory: {weights}", values);
  return (
    t("Needs about {total} of memory: {weights} for the weights, {cache} for {tokens} tokens", {
      ...values,
      total: size(weights + cache.f16),
      cache: size(cache.f16),
    }) +
    (cache.q8_0 ? t(" ({size} with an 8-bit cache)", { size: size(cache.q8_0) }) : "") +
    (sliding_window ? t("; less with a sliding window") : "") +
    "."
  );
}

/** @param {ModelFile} file @returns {import("../core/dom.js").Part<ModelFile>} */
function filePart(file) {
  const state = h("span", { class: "file-state" });
  const bytes = h("span", { class: "file-size" });
  const node = h("li", { class: "file" }, pathText(file.path), h("span", { class: "file-meta" }, state, bytes));
  return {
    node,
    update(next) {
      node.dataset.state = { proven: "done", changed: "failed" }[next.state] ?? next.state;
      text(state, next.problem ?? FILE_STATES[next.state] ?? next.state);
      attr(state, "title", next.vouched_at ? t("Proven {when}", { when: moment(next.vouched_at) }) : "");
      text(bytes, size(next.size));
    },
  };
}
