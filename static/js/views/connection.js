// @ts-check
// Why a download does not go on: the way to the Hub, examined host by host, and this page's own way to Larder.
/** @import { Check, Report } from "../core/types.js" */
/** @import { Parts, Served } from "../main.js" */
import { ApiError, isAbort } from "../core/api.js";
import { attr, fill, h, icon, show, text } from "../core/dom.js";
import { isolate, number, plain } from "../core/format.js";
import { link } from "../core/router.js";
import { t } from "../core/words.js";
import { field } from "../ui/field.js";
import { styles } from "../ui/styles.js";

export const title = t("Connection");

await Promise.all([styles("lists"), styles("settings"), styles("connection")]);

const TIMEOUT_MS = 90_000; // every host of the chain may let us wait

/** @type {Record<string, string>} */
const CHECKS = {
  page: t("This page"),
  disk: t("Disk"),
  database: t("Database"),
  settings: t("Settings"),
  proxy: t("Proxy"),
  hub: t("The Hub"),
  clock: t("Clock"),
  token: t("Token"),
  model: t("A model’s list"),
  redirect: t("Redirect"),
  storage: t("Storage"),
};

/** What the state looks like, and is called. @type {Record<string, [string, string, string]>} */
const STATES = {
  ok: ["success", "check", t("Well")],
  skipped: ["skipped", "info", t("Not tried")],
  warning: ["warning", "alert", t("Warning")],
  failed: ["error", "alert", t("Failed")],
};

/** The server's words as a sentence: a name or a path at their beginning stays as it is. @param {string} words */
const sentence = (words) => plain(/^[a-z']+[ :]/.test(words) ? words[0].toUpperCase() + words.slice(1) : words);

/** @param {HTMLElement} root @param {Parts & Served} parts @returns {() => void} unmount */
export function mount(root, { store, api, rest }) {
  const life = new AbortController();
  const { signal } = life;
  let busy = false;
  /** @type {Report|null} */
  let report = null;

  const input = field(
    h("input", { type: "text", maxLength: 8192, spellcheck: false, autocomplete: "off", data: { testid: "with" } }),
    t("Try with"),
    t("A model, in any form. Empty: the newest download, best one in trouble."),
  );
  input.control.value = rest;
  const button = h("button", { type: "submit", class: "button", data: { testid: "examine" } });
  const verdict = h("p", { class: "examined", role: "status", data: { testid: "verdict" } });
  const list = h("ol", { class: "log", data: { testid: "checks" } });

  fill(
    root,
    h(
      "section",
      { class: "section", "aria-labelledby": "connection-title" },
      h(
        "header",
        { class: "section-head" },
        h("h2", { id: "connection-title" }, title),
        h(
          "span",
          { class: "section-tools" },
          h("a", { class: "button button-quiet", href: link("settings") }, t("All settings")),
        ),
      ),
      h(
        "div",
        { class: "card settings-box" },
        h(
          "p",
          { class: "help" },
          t("Larder goes the way of a download, one step after the other, and says at which host it ends."),
        ),
        h(
          "form",
          {
            class: "settings-form",
            signal,
            on: {
              submit: (/** @type {Event} */ event) => {
                event.preventDefault();
                examine();
              },
            },
          },
          input.node,
          h("p", { class: "settings-tools" }, button),
        ),
        verdict,
        list,
      ),
    ),
  );

  /** What only this page can know. @returns {Check} */
  function ownCheck() {
    const { state } = store.link;
    const check = { check: "page", host: null, address: null, ms: null, hint: null };
    if (state === "live") return { ...check, state: "ok", detail: t("News from Larder comes as it happens.") };
    if (state === "polling")
      return {
        ...check,
        state: "warning",
        detail: t("The stream of news does not come through, so the page asks every few seconds."),
        hint: t("A proxy on the way holds it back: it must pass on /api/v1/events without buffering."),
      };
    return { ...check, state: "failed", detail: t("No news from Larder at this moment.") };
  }

  /** @param {Check} check */
  function row(check) {
    const [look, image, words] = STATES[check.state] ?? STATES.skipped;
    const isOwn = check.check === "page"; // in the reader's language; the server speaks English
    const where = [check.host, check.address !== check.host && check.address && `(${check.address})`];
    return h(
      "li",
      { class: `log-line log-${look}`, data: { testid: "check", check: check.check, state: check.state } },
      icon(image, words),
      h(
        "p",
        { class: "log-words" },
        h("strong", {}, CHECKS[check.check] ?? check.check),
        check.host && " ",
        check.host && h("bdi", { class: "check-host" }, plain(where.filter(Boolean).join(" "))),
        h("br"),
        h("span", { lang: isOwn ? null : "en" }, sentence(check.detail)),
        check.ms ? h("span", { class: "log-time" }, " ", t("in {n} ms", { n: number(check.ms) })) : null,
      ),
      check.hint ? h("p", { class: "check-hint", lang: isOwn ? null : "en" }, sentence(check.hint)) : null,
    );
  }

  function draw() {
    attr(button, "aria-disabled", busy ? "true" : null);
    fill(button, icon("search"), busy ? t("Examining…") : t("Examine"));
    const checks = [ownCheck(), ...(report?.checks ?? [])];
    fill(list, ...checks.map(row));
    if (!report) return;
    const bad = checks.find(({ state }) => state === "failed");
    const name = bad && (CHECKS[bad.check] ?? bad.check);
    verdict.dataset.state = bad ? "failed" : checks.some(({ state }) => state === "warning") ? "warning" : "ok";
    text(
      verdict,
      busy
        ? ""
        : !bad
          ? verdict.dataset.state === "ok"
            ? t("Nothing is wrong that could be found.")
            : t("Nothing is broken, but see what is said below.")
          : bad.host
            ? t("It fails at: {name}, {host}.", { name: name ?? "", host: isolate(bad.host) })
            : t("It fails at: {name}.", { name: name ?? "" }),
    );
  }

  async function examine() {
    if (busy) return;
    busy = true;
    input.setProblem(null);
    report = null;
    text(verdict, t("Larder is on its way; a host that does not answer takes ten seconds."));
    delete verdict.dataset.state;
    draw();
    const repo = input.control.value.trim();
    try {
      report = await api.change("POST", "doctor", { body: repo ? { repo } : {}, signal, timeout: TIMEOUT_MS });
    } catch (error) {
      if (isAbort(error)) return;
      if (!(error instanceof ApiError)) throw error;
      const isOfInput = error.field === "repo";
      if (isOfInput) input.setProblem(error);
      text(verdict, isOfInput ? "" : error.message + (error.hint ? " " + error.hint : ""));
      verdict.dataset.state = isOfInput ? "" : "failed";
    } finally {
      busy = false;
    }
    draw();
  }

  for (const key of ["link", "trouble"]) store.subscribe(key, draw, signal);
  examine();
  return () => {
    life.abort();
    root.replaceChildren();
  };
}
