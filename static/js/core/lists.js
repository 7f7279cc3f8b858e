// @ts-check
// What the store does not hear by events: finished downloads, page by page, and the files of one.
/** @import { Api } from "./api.js" */
/** @import { Store } from "./store.js" */
import { ApiError } from "./api.js";
import { isFinal } from "./store.js";

const PAGE = 50;

export class Lists {
  /** @param {Api} api @param {Store} store */
  constructor(api, store) {
    this.api = api;
    this.store = store;
  }

  /** Look at one again; gone means gone. @param {string} id */
  async refresh(id) {
    try {
      const download = await this.api.get(id);
      this.store.put(download);
      return download;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.store.remove(id);
      return null;
    }
  }

  /** The files of a download that someone opened. Only the files: the rest comes by events, and those are newer.
   * @param {string} id */
  async loadFiles(id) {
    try {
      const { files } = await this.api.get(id);
      if (files && this.store.files.has(id)) this.store.setFiles(id, files);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.store.remove(id);
    }
  }

  /** The finished list anew, and what became of those we had taken for active. @param {string[]} stale */
  async reload(stale) {
    const known = this.store.finished().map((d) => d.id);
    const { downloads, next_cursor } = await this.api.list("finished", PAGE);
    for (const d of downloads) this.store.put(d);
    const there = new Set(downloads.map((d) => d.id));
    for (const id of known) {
      const d = this.store.downloads.get(id);
      if (d && isFinal(d) && !there.has(id)) this.store.remove(id);
    }
    this.store.set("older", next_cursor);
    this.store.set("loaded", true);
    for (const id of stale) {
      const d = this.store.downloads.get(id);
      if (d && !isFinal(d)) await this.refresh(id);
    }
  }

  async loadOlder() {
    const { downloads, next_cursor } = await this.api.list("finished", PAGE, this.store.older);
    for (const d of downloads) this.store.put(d);
    this.store.set("older", next_cursor);
  }
}
