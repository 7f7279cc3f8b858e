// @ts-check
// Every command: its name, when it is legal, what it asks of the API. Views call these; nothing here draws.
// A command only asks. What became of it arrives as an event.
/** @import { Api } from "./api.js" */
/** @import { Store } from "./store.js" */
/** @import { Download, Wish } from "./types.js" */
import { ApiError, isAbort } from "./api.js";
import { isolate, size } from "./format.js";
import { byQueue, isFinal } from "./store.js";

const RUNNING = ["queued", "resolving", "downloading", "verifying", "waiting"];
const PAGE = 50;

/** @type {Record<string, { label: string, icon: string, states: string[] }>} */
export const COMMANDS = {
  pause: { label: "Pause", icon: "pause", states: RUNNING },
  resume: { label: "Resume", icon: "play", states: ["paused", "waiting"] },
  retry: { label: "Try again", icon: "retry", states: ["failed", "cancelled"] },
  cancel: { label: "Cancel", icon: "close", states: [...RUNNING, "paused"] },
  forget: { label: "Remove from list", icon: "trash", states: ["completed", "failed", "cancelled"] },
};

/** @typedef {{ title: string, message: string, yes: string, no: string }} Question */
/** @typedef {(kind: "info"|"success"|"warning"|"error", message: string, key?: string) => void} Tell */

export class Actions {
  /** @param {Api} api @param {Store} store @param {Tell} tell @param {(question: Question) => Promise<boolean>} confirm */
  constructor(api, store, tell, confirm) {
    this.api = api;
    this.store = store;
    this.tell = tell;
    this.confirm = confirm;
  }

  /** Run a command on a download. @param {string} name @param {string} id */
  async run(name, id) {
    const download = this.store.downloads.get(id);
    if (!download || this.store.pending.has(id)) return;
    if (name === "cancel" && !(await this.#sure(download))) return;
    this.store.setPending(id, name);
    try {
      if (name === "forget") {
        await this.api.forget(id);
        this.store.remove(id);
      } else await this.api.move(id, name);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.store.remove(id);
      else if (error instanceof ApiError && error.status === 409) await this.refresh(id);
      this.#complain(error, id);
    } finally {
      this.store.setPending(id, null);
    }
  }

  /** @param {Download} download */
  #sure(download) {
    return this.confirm({
      title: "Cancel this download?",
      message:
        download.bytes_done > 0
          ? `${isolate(download.repo)}: the ${size(download.bytes_done)} fetched so far will be deleted. To keep them, pause it instead.`
          : `${isolate(download.repo)}: nothing has been fetched yet.`,
      yes: "Cancel download",
      no: "Keep it",
    });
  }

  /**
   * One place up (-1) or down (+1) in the queue: new priorities for as few downloads as that takes.
   * @param {string} id @param {-1|1} step
   */
  async shift(id, step) {
    const order = this.store.active();
    const from = order.findIndex((d) => d.id === id);
    const to = from + step;
    if (from < 0 || to < 0 || to >= order.length) return;
    order.splice(to, 0, ...order.splice(from, 1));
    const changed = [];
    for (let i = order.length - 2, below = order[order.length - 1]; i >= 0; i--) {
      let own = order[i];
      if (byQueue(own, below) > 0) {
        own = { ...own, priority: below.priority };
        if (byQueue(own, below) > 0) own.priority++;
        changed.push(own);
      }
      below = own;
    }
    try {
      for (const d of changed) await this.api.setPriority(d.id, d.priority);
    } catch (error) {
      this.#complain(error, id);
    }
  }

  /** @param {Wish} wish @param {AbortSignal} signal */
  preview(wish, signal) {
    return this.api.preview(wish, signal);
  }

  /** @param {Wish} wish */
  async start(wish) {
    const download = await this.api.create(wish);
    if (!this.store.downloads.has(download.id)) this.store.put(download);
    return download;
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
  async reloadFinished(stale) {
    const known = this.store.finished().map((d) => d.id);
    try {
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
    } catch (error) {
      if (!(error instanceof ApiError && error.away)) this.#complain(error);
    }
  }

  async loadOlder() {
    try {
      const { downloads, next_cursor } = await this.api.list("finished", PAGE, this.store.older);
      for (const d of downloads) this.store.put(d);
      this.store.set("older", next_cursor);
    } catch (error) {
      this.#complain(error);
    }
  }

  /** @param {unknown} error @param {string} [key] */
  #complain(error, key) {
    if (isAbort(error)) return;
    const known = error instanceof ApiError;
    this.tell(
      "error",
      known ? [error.message, error.hint].filter(Boolean).join(" ") : "Something went wrong in this page.",
      key,
    );
    if (!known) throw error;
  }
}
