// @ts-check
// All state of the page, and the only place that changes it. Views subscribe to keys and are told once a frame.
//
// Keys: "downloads" (which there are and their order), "download:<id>", "files:<id>", "progress" (any figure),
// "disk", "settings", "link", "trouble", "session", "isOutside", "older", "aged", "log", "tick" (each second).
/** @import { Disk, Download, JobFile, Link, Line, Notice, Session, Settings, Trouble } from "./types.js" */

const FINAL = new Set(["completed", "failed", "cancelled"]);
const HIDDEN_FLUSH_MS = 1000; // a tab in the background gets no frames, but its title goes on
const PROGRESS_MS = 450; // between two looks at figures: more often nobody can read them
const LOG_MAX = 500;
const SPEEDS_MAX = 120; // one a second

/** @param {{ state: string }} download */
export const isFinal = (download) => FINAL.has(download.state);

export class Store {
  /** @type {Map<string, Download>} */
  downloads = new Map();
  /** Files of the downloads that are open. @type {Map<string, JobFile[]>} */
  files = new Map();
  /** Commands asked for and not yet answered, by download. @type {Map<string, string>} */
  pending = new Map();
  /** @type {Disk|null} */
  disk = null;
  /** @type {Settings|null} */
  settings = null;
  /** @type {Session|null} */
  session = null;
  /** @type {Link} */
  link = { state: "connecting", retryAt: 0 };
  /** @type {Trouble|null} */
  trouble = null;
  /** Somebody must sign in first. */
  isOutside = false;
  /** Whether the lists hold what the server has. */
  loaded = false;
  /** Where the finished list goes on. @type {string|null} */
  older = null;
  /** What is shown is from an earlier visit, of this time; 0: it is the server's. */
  aged = 0;
  /** The server's clock minus ours, in ms. */
  skew = 0;
  /** What is in the paste box. */
  draft = "";
  /** What has happened since the page was opened, the latest last. @type {Line[]} */
  log = [];
  /** The overall speed of the last seconds, the latest last. @type {number[]} */
  speeds = [];

  /** Takes an event that is not about downloads. @type {(name: string, data: any) => void} */
  onOther = () => {};

  /** A snapshot came; these we had taken for active. @type {(stale: string[]) => void} */
  onSnapshot = () => {};
  /** @type {(notice: Notice) => void} */
  onNotice = () => {};
  /** A download ended before our eyes. @type {(download: Download) => void} */
  onOutcome = () => {};

  /** @type {Map<string, Set<() => void>>} */
  #subscribers = new Map();
  /** @type {Set<string>} */
  #dirty = new Set();
  #scheduled = false;
  #later = 0; // timer
  #flushedAt = 0;

  /** @param {string} key @param {() => void} fn @param {AbortSignal} signal */
  subscribe(key, fn, signal) {
    let set = this.#subscribers.get(key);
    if (!set) this.#subscribers.set(key, (set = new Set()));
    set.add(fn);
    signal.addEventListener("abort", () => {
      set.delete(fn);
      if (set.size === 0 && this.#subscribers.get(key) === set) this.#subscribers.delete(key);
    });
  }

  /** Told with the next frame. @param {...string} keys */
  touch(...keys) {
    for (const key of keys) this.#dirty.add(key);
    this.#schedule();
  }

  /** Told with what else there is, or a little later. @param {...string} keys */
  #touchLater(...keys) {
    for (const key of keys) this.#dirty.add(key);
    if (this.#scheduled || this.#later) return;
    const wait = this.#flushedAt + PROGRESS_MS - performance.now();
    if (wait > 0) this.#later = setTimeout(() => this.#schedule(), wait);
    else this.#schedule();
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (document.hidden) setTimeout(this.#flush, HIDDEN_FLUSH_MS);
    else requestAnimationFrame(this.#flush);
  }

  #flush = () => {
    this.#scheduled = false;
    clearTimeout(this.#later);
    this.#later = 0;
    this.#flushedAt = performance.now();
    const keys = this.#dirty;
    this.#dirty = new Set();
    for (const key of keys) for (const fn of [...(this.#subscribers.get(key) ?? [])]) fn();
  };

  constructor() {
    // A frame asked for just before the tab was hidden never comes: flush then.
    document.addEventListener("visibilitychange", () => {
      if (this.#scheduled) this.#flush();
    });
  }

  /** One event of the server. Unknown ones are of a later version and pass. @param {string} name @param {any} data */
  apply(name, data) {
    if (name === "snapshot") this.#snapshot(data);
    else if (name === "download") this.put(data);
    else if (name === "progress") for (const p of data.downloads) this.#progress(p);
    else if (name === "download-removed") this.remove(data.id);
    else if (name === "disk" || name === "settings") this.set(name, data);
    else if (name === "notice") this.onNotice(data);
    this.onOther(name, data);
  }

  /** @param {{ downloads: Download[], disk: Disk, settings: Settings }} snapshot */
  #snapshot({ downloads: active, disk, settings }) {
    this.set("aged", 0);
    if (disk) this.set("disk", disk);
    if (settings) this.set("settings", settings);
    const there = new Set(active.map((d) => d.id));
    const stale = [...this.downloads.values()].filter((d) => !isFinal(d) && !there.has(d.id)).map((d) => d.id);
    for (const download of active) this.put(download);
    this.onSnapshot(stale);
  }

  /** @param {Download} download */
  put(download) {
    const before = this.downloads.get(download.id);
    const { files: _, ...rest } = download;
    this.downloads.set(download.id, rest);
    if (!before || isFinal(before) !== isFinal(rest) || before.priority !== rest.priority) this.touch("downloads");
    this.touch("download:" + download.id, "progress");
    if (before && !isFinal(before) && isFinal(rest)) this.onOutcome(rest);
  }

  /** @param {Partial<Download> & { id: string }} figures */
  #progress(figures) {
    const download = this.downloads.get(figures.id);
    if (!download) return;
    if (figures.state && isFinal(/** @type {Download} */ (figures)) !== isFinal(download))
      this.put({ ...download, ...figures });
    else Object.assign(download, figures);
    this.#touchLater("download:" + figures.id, "progress");
  }

  /** @param {string} id */
  remove(id) {
    if (!this.downloads.delete(id)) return;
    this.files.delete(id);
    this.touch("downloads", "progress");
  }

  /** @param {string} id @param {JobFile[]|null} files null: nobody looks at them any more */
  setFiles(id, files) {
    if (files) this.files.set(id, files);
    else this.files.delete(id);
    this.touch("files:" + id);
  }

  /** @param {string} id @param {string|null} command */
  setPending(id, command) {
    if (command) this.pending.set(id, command);
    else this.pending.delete(id);
    this.touch("download:" + id);
  }

  /** What an earlier visit left: shown until the server tells what is. @param {{ at: number, downloads: Download[], disk: Disk|null }} memory */
  recall({ at, downloads, disk }) {
    for (const download of downloads) this.downloads.set(download.id, { ...download, speed_bps: 0, eta_s: null });
    this.set("disk", disk);
    this.set("aged", at);
    this.touch("downloads", "progress");
  }

  /** One line more of what has happened. @param {Line["level"]} level @param {string} message */
  note(level, message) {
    this.log.push({ at: Date.now(), level, message });
    if (this.log.length > LOG_MAX) this.log.shift();
    this.touch("log");
  }

  /** Once a second. */
  tick() {
    this.speeds.push(this.totals().speed);
    if (this.speeds.length > SPEEDS_MAX) this.speeds.shift();
    this.#touchLater("tick");
  }

  /** @template {"disk"|"settings"|"link"|"trouble"|"session"|"older"|"loaded"|"aged"|"isOutside"} K @param {K} name @param {Store[K]} value */
  set(name, value) {
    /** @type {any} */ (this)[name] = value;
    this.touch(name === "loaded" ? "downloads" : name);
  }

  /** As the daemon will take them: larger priority first, then age. */
  active() {
    return [...this.downloads.values()].filter((d) => !isFinal(d)).sort(byQueue);
  }

  /** The latest first. */
  finished() {
    return [...this.downloads.values()]
      .filter(isFinal)
      .sort((a, b) => compare(b.finished_at ?? "", a.finished_at ?? "") || compare(b.id, a.id));
  }

  /** Over everything that is meant to run. */
  totals() {
    const sum = { jobs: 0, total: 0, done: 0, speed: 0 };
    for (const d of this.downloads.values()) {
      if (isFinal(d) || d.state === "paused") continue;
      sum.jobs++;
      sum.total += d.bytes_total;
      sum.done += d.bytes_done;
      sum.speed += d.speed_bps;
    }
    return sum;
  }
}

/** @param {string} a @param {string} b */
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** @param {Download} a @param {Download} b */
export const byQueue = (a, b) => b.priority - a.priority || compare(a.created_at, b.created_at) || compare(a.id, b.id);
