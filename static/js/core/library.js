// @ts-check
// The library as this page knows it: all rows, kept up to date by events, filtered and sorted here, so that the answer to a
// key is there in the same frame. Loaded by the first view that needs it; one for the page.
//
// Keys of the store: "models" (which there are), "model:<folder>", "reloaded" (any of them may be another), "library" (what
// is known of them together), "trash", "scrub".
/** @import { Api } from "./api.js" */
/** @import { Store } from "./store.js" */
/** @import { LibraryState, Model, ModelDetail, ModelPage, Scrub, TrashEntry } from "./types.js" */
import { ApiError } from "./api.js";

const PAGE = 500;
const TOLD_MAX = 100;

/** @typedef {"name"|"size"|"modified"} Sort */
/** @typedef {{ text: string, format: string, quant: string, state: string, least: number, sort: Sort }} Wanted */

/** What a model can be, besides there. @type {Record<string, (model: Model) => boolean>} */
export const STATES = {
  incomplete: (m) => m.parts_missing > 0 || m.partial_bytes > 0,
  outdated: (m) => !!m.update?.available,
  unverified: (m) => m.files_unknown + m.files_changed > 0,
  changed: (m) => m.files_changed > 0,
  problem: (m) => m.problems > 0 || m.problem !== null,
};

/** @param {string} a @param {string} b */
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** @type {Record<Sort, (a: Model, b: Model) => number>} */
const ORDERS = {
  name: (a, b) => compare(a.folder, b.folder),
  size: (a, b) => b.bytes - a.bytes || compare(a.folder, b.folder),
  modified: (a, b) => compare(b.modified_at ?? "", a.modified_at ?? "") || compare(a.folder, b.folder),
};

export class Library {
  /** @type {Map<string, Model>} */
  rows = new Map();
  /** @type {LibraryState|null} */
  state = null;
  /** All pages have come. */
  whole = false;
  /** Why they have not. @type {ApiError|null} */
  problem = null;

  /** By order, until something changes: the models, and beside each what is looked for, in lower case.
   * @type {Map<Sort, { models: Model[], words: string[] }>} */
  #sorted = new Map();
  #loading = 0;

  /** @param {Api} api @param {Store} store */
  constructor(api, store) {
    this.api = api;
    this.store = store;
    const before = store.onOther;
    store.onOther = (name, data) => {
      before(name, data);
      this.#hear(name, data);
    };
  }

  /** @param {string} name @param {any} data */
  #hear(name, data) {
    if (name === "model") this.put(data);
    else if (name === "model-removed") this.remove(data.folder);
    else if (name === "trash" || name === "scrub") this.store.touch(name);
    else if (name === "snapshot") this.load();
    else if (name === "library") {
      this.#setState(data);
      // More changes than that are not told one by one.
      if (!data.scanning && (data.changes > TOLD_MAX || data.models !== this.rows.size)) this.load();
    }
  }

  /** @param {LibraryState} state */
  #setState(state) {
    this.state = state;
    this.store.touch("library");
  }

  /** @param {Model} model */
  put(model) {
    this.rows.set(model.folder, model);
    this.#sorted.clear();
    this.store.touch("models", "model:" + model.folder);
  }

  /** @param {string} folder */
  remove(folder) {
    if (!this.rows.delete(folder)) return;
    this.#sorted.clear();
    this.store.touch("models", "model:" + folder);
  }

  /** All of it anew, page by page: what is there already stays until it is known to be gone. */
  async load() {
    const mine = ++this.#loading;
    const seen = new Set();
    let cursor = "";
    this.problem = null;
    try {
      do {
        /** @type {ModelPage} */
        const page = await this.api.call(
          "GET",
          `models?limit=${PAGE}` + (cursor ? "&cursor=" + encodeURIComponent(cursor) : ""),
        );
        if (mine !== this.#loading) return;
        for (const model of page.models) {
          this.rows.set(model.folder, model);
          seen.add(model.folder);
        }
        this.#sorted.clear();
        this.#setState(page.library);
        this.store.touch("models");
        cursor = page.next_cursor ?? "";
      } while (cursor);
      for (const folder of this.rows.keys()) if (!seen.has(folder)) this.rows.delete(folder);
      this.#sorted.clear();
      this.whole = true;
      this.store.touch("reloaded");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (mine === this.#loading) this.problem = error;
    }
    this.store.touch("models");
  }

  /** @param {Wanted} wanted @returns {Model[]} */
  find({ text, format, quant, state, least, sort }) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const isSo = STATES[state];
    const sorted = this.#inOrder(sort);
    return sorted.models.filter(
      (m, i) =>
        m.bytes >= least &&
        words.every((word) => sorted.words[i].includes(word)) &&
        (!format || m.formats.includes(format)) &&
        (!quant || m.quants.includes(quant)) &&
        (!isSo || isSo(m)),
    );
  }

  /** @param {Sort} sort */
  #inOrder(sort) {
    let sorted = this.#sorted.get(sort);
    if (!sorted) {
      const models = [...this.rows.values()].sort(ORDERS[sort]);
      const words = models.map((m) => [m.folder, m.architecture ?? "", ...m.quants].join(" ").toLowerCase());
      this.#sorted.set(sort, (sorted = { models, words }));
    }
    return sorted;
  }

  /** What there is to choose from. @param {"formats"|"quants"} what */
  values(what) {
    const all = new Set();
    for (const model of this.rows.values()) for (const value of model[what]) all.add(value);
    return [...all].sort();
  }

  // --- calls ---

  /** @param {string} folder */
  #path = (folder) => "models/" + folder.split("/").map(encodeURIComponent).join("/");

  /** @type {(folder: string, context: number, signal?: AbortSignal) => Promise<ModelDetail>} */
  detail = (folder, context, signal) =>
    this.api.call("GET", `${this.#path(folder)}${context ? "?context=" + context : ""}`, { signal });
  /** verify, repair, update: a job; check: an Update. @type {(folder: string, verb: string) => Promise<any>} */
  act = (folder, verb) => this.api.change("POST", `${this.#path(folder)}/${verb}`, { timeout: 90_000 });
  /** To the trash: the entry's id. @type {(folder: string, group?: string) => Promise<{ trash: string }>} */
  drop = (folder, group) =>
    this.api.change("DELETE", this.#path(folder) + (group ? "?group=" + encodeURIComponent(group) : ""));
  scan = () => this.api.change("POST", "scan");
  /** @type {() => Promise<{ trash: TrashEntry[] }>} */
  trash = () => this.api.call("GET", "trash");
  /** @type {(id: string, replace: boolean) => Promise<any>} */
  restore = (id, replace) =>
    this.api.change("POST", `trash/${encodeURIComponent(id)}/restore`, { body: replace ? { replace } : {} });
  /** @type {(id: string) => Promise<null>} */
  empty = (id) => this.api.change("DELETE", "trash/" + encodeURIComponent(id));
  /** @type {() => Promise<Scrub>} */
  scrub = () => this.api.call("GET", "scrub");
  /** @type {(start: boolean) => Promise<Scrub>} */
  setScrub = (start) => this.api.change(start ? "POST" : "DELETE", "scrub");
}

/** @type {Library|null} */
let one = null;

/** @param {Api} api @param {Store} store */
export function libraryOf(api, store) {
  if (!one) {
    const library = (one = new Library(api, store));
    library.load();
    store.subscribe("recovered", () => library.problem && library.load(), new AbortController().signal);
  }
  return one;
}
