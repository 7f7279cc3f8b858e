// @ts-check
// The only fetch of the application: declared calls, one kind of error, a limit on the time of each.
/** @import { Changes, Download, DownloadPage, Fit, Health, Preview, Session, Settings, SettingsPatch, Wish } from "./types.js" */
import { t } from "./words.js";

const TIMEOUT_MS = 20_000;
const SKEW_MS = 5000; // less is the way's
const HUB_TIMEOUT_MS = 90_000; // the daemon may have to page through a large repository

/** What went wrong; which field is at fault is shown beside it. @param {Record<string, any>} problem */
function sentence({ detail, title, field }) {
  const words = String(detail || title || "");
  return field && words.startsWith(field + ": ") ? words.slice(field.length + 2) : words;
}

/** An answer that is not a success, or no answer at all (status 0). */
export class ApiError extends Error {
  /** @param {number} status @param {Record<string, any>} problem @param {number|null} retryAfter seconds */
  constructor(status, problem, retryAfter = null) {
    super(sentence(problem) || t("The server answered {status}.", { status }));
    this.name = "ApiError";
    this.status = status;
    this.code = String(problem.code ?? (status ? "http_" + status : "unreachable"));
    this.hint = typeof problem.hint === "string" ? problem.hint : "";
    this.field = typeof problem.field === "string" ? problem.field : "";
    this.requestId = typeof problem.request_id === "string" ? problem.request_id : "";
    this.download = typeof problem.download === "string" ? problem.download : null;
    this.retryAfter = retryAfter;
  }

  /** Nobody behind the web server answers; nothing is wrong with the request. */
  get away() {
    return (
      this.status === 0 || this.code === "daemon_unavailable" || this.code === "http_502" || this.code === "http_504"
    );
  }
}

/** @param {unknown} error @returns {error is DOMException} the caller itself gave up: not worth a word */
export const isAbort = (error) => error instanceof DOMException && error.name === "AbortError";

/** @param {string|null} value seconds or an HTTP date */
function seconds(value) {
  if (!value) return null;
  const n = Number(value);
  const s = Number.isFinite(n) ? n : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(s) ? Math.max(0, s) : null;
}

export class Api {
  /** @type {Session|null} */
  session = null;
  /** The server's clock is so far ahead of ours, in ms. @type {(skew: number) => void} */
  onSkew = () => {};
  /** Nobody is signed in, or not any more. */
  onSignIn = () => {};
  /** Called with every error that says that the server is away. @type {(error: ApiError) => void} */
  onAway = () => {};

  #base;

  /** @param {URL} base the address of the API */
  constructor(base) {
    this.#base = base;
  }

  /** @param {string} path */
  url(path) {
    return new URL(path, this.#base).href;
  }

  /**
   * A question.
   * @param {string} method @param {string} path
   * @param {{ body?: any, signal?: AbortSignal, timeout?: number, accept?: number[] }} [options]
   * @returns {Promise<any>}
   */
  async call(method, path, { body, signal, timeout = TIMEOUT_MS, accept = [] } = {}) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json, application/problem+json" };
    if (/^P/.test(method)) headers["Content-Type"] = "application/json";
    if (method !== "GET" && this.session?.csrf_token) headers["X-CSRF-Token"] = this.session.csrf_token;
    const limit = AbortSignal.timeout(timeout);
    let response;
    let data;
    try {
      response = await fetch(this.url(path), {
        method,
        headers,
        cache: "no-store",
        credentials: "same-origin",
        body: headers["Content-Type"] ? JSON.stringify(body ?? {}) : undefined,
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
      const raw = await response.text();
      data = /json/.test(response.headers.get("content-type") ?? "") && raw ? JSON.parse(raw) : null;
    } catch (error) {
      if (signal?.aborted) throw new DOMException("given up", "AbortError");
      throw this.#failed(
        new ApiError(0, {
          detail: limit.aborted
            ? t("The server took too long to answer.")
            : error instanceof SyntaxError
              ? t("The server’s answer could not be read.")
              : t("The server cannot be reached."),
        }),
      );
    }
    const date = Date.parse(response.headers.get("date") ?? "");
    if (Number.isFinite(date) && Math.abs(date - Date.now()) > SKEW_MS) this.onSkew(date - Date.now());
    if (response.ok || accept.includes(response.status)) {
      if (data !== null || response.status === 204) return data;
      throw this.#failed(
        new ApiError(response.status, { detail: t("The answer did not come from Larder."), code: "http_502" }),
      );
    }
    throw this.#failed(new ApiError(response.status, data ?? {}, seconds(response.headers.get("retry-after"))));
  }

  /** @param {ApiError} error */
  #failed(error) {
    if (error.away) this.onAway(error);
    if (error.status === 401) this.onSignIn();
    return error;
  }

  /** A change; an outdated session is renewed once. @param {string} method @param {string} path @param {any} [options] */
  async change(method, path, options) {
    try {
      return await this.call(method, path, options);
    } catch (error) {
      if (!(error instanceof ApiError) || !this.session || this.session.auth === "none") throw error;
      if (error.code !== "csrf") throw error;
      await this.getSession();
      return this.call(method, path, options);
    }
  }

  /** @returns {Promise<Session>} */
  async getSession() {
    return (this.session = await this.call("GET", "session"));
  }

  /** @param {string} password */
  async signIn(password) {
    this.session = await this.call("POST", "session", { body: { password } });
  }

  signOut = () => this.change("DELETE", "session");
  /** @returns {Promise<Health>} */
  health = () => this.call("GET", "health", { accept: [503], timeout: 8000 });
  /** @type {(wish: Wish, signal: AbortSignal) => Promise<Preview>} */
  preview = (wish, signal) => this.change("POST", "preview", { body: wish, signal, timeout: HUB_TIMEOUT_MS });
  /** @type {(id: string, signal: AbortSignal) => Promise<Fit>} */
  fit = (id, signal) => this.call("GET", `previews/${encodeURIComponent(id)}/fit`, { signal, timeout: HUB_TIMEOUT_MS });
  /** @type {(wish: Wish) => Promise<Download>} */
  create = (wish) => this.change("POST", "downloads", { body: wish, timeout: HUB_TIMEOUT_MS });
  /** @type {(state: "active"|"finished", limit: number, cursor?: string|null) => Promise<DownloadPage>} */
  list = (state, limit, cursor) =>
    this.call(
      "GET",
      `downloads?state=${state}&limit=${limit}` + (cursor ? "&cursor=" + encodeURIComponent(cursor) : ""),
    );
  /** @type {(id: string) => Promise<Download>} */
  get = (id) => this.call("GET", "downloads/" + encodeURIComponent(id));
  /** @type {(id: string, verb: string) => Promise<Download>} */
  move = (id, verb) => this.change("POST", `downloads/${encodeURIComponent(id)}/${verb}`);
  /** @type {(id: string, priority: number) => Promise<Download>} */
  setPriority = (id, priority) => this.change("PATCH", "downloads/" + encodeURIComponent(id), { body: { priority } });
  /** @type {(id: string) => Promise<null>} */
  forget = (id) => this.change("DELETE", "downloads/" + encodeURIComponent(id));
  /** @type {(patch: SettingsPatch) => Promise<Settings>} */
  patchSettings = (patch) => this.change("PATCH", "settings", { body: patch });
  /** Without an id: the state as it is. @type {(since: string) => Promise<Changes>} */
  changes = (since) => this.call("GET", "changes" + (since && "?since=" + encodeURIComponent(since)));
}
