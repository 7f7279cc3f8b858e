// @ts-check
// What the buttons ask for. A command only asks: what became of it arrives as an event. Loaded with the first click.
/** @import { Api } from "./api.js" */
/** @import { Lists } from "./lists.js" */
/** @import { Store } from "./store.js" */
/** @import { Download, SettingsPatch, Wish } from "./types.js" */
import { ApiError, isAbort } from "./api.js";
import { isolate, size } from "./format.js";
import { byQueue } from "./store.js";
import { t } from "./words.js";

/** @typedef {{ title: string, message: string, yes: string, no: string }} Question */
/** @typedef {{ label: string, run: () => void }} Offer what a message lets one do */
/** @typedef {(kind: "info"|"success"|"warning"|"error", message: string, key?: string, offer?: Offer) => void} Tell */

/** The sentence of an error, with what can be done. @param {unknown} error */
export const saying = (error) =>
  error instanceof ApiError
    ? [error.message, error.hint].filter(Boolean).join(" ")
    : t("Something went wrong in this page.");

export class Actions {
  /** @param {Api} api @param {Store} store @param {Lists} lists @param {Tell} tell
   * @param {(question: Question) => Promise<boolean>} confirm */
  constructor(api, store, lists, tell, confirm) {
    this.api = api;
    this.store = store;
    this.lists = lists;
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
      else if (error instanceof ApiError && error.status === 409) await this.lists.refresh(id);
      this.complain(error, id);
    } finally {
      this.store.setPending(id, null);
    }
  }

  /** @param {Download} download */
  #sure(download) {
    const repo = isolate(download.repo);
    return this.confirm({
      title: t("Cancel this download?"),
      message:
        download.kind === "verify"
          ? t("{repo}: what was proven so far stays proven.", { repo })
          : download.bytes_done > 0
            ? t("{repo}: the {size} fetched so far will be deleted. To keep them, pause it instead.", {
                repo,
                size: size(download.bytes_done),
              })
            : t("{repo}: nothing has been fetched yet.", { repo }),
      yes: t("Cancel download"),
      no: t("Keep it"),
    });
  }

  /** One place up (-1) or down (+1) in the queue. @param {string} id @param {-1|1} step */
  shift(id, step) {
    return this.place(id, this.store.active().findIndex((d) => d.id === id) + step);
  }

  /** Before another one; null: to the end. @param {string} id @param {string|null} before */
  placeBefore(id, before) {
    const order = this.store.active();
    const from = order.findIndex((d) => d.id === id);
    const at = before === null ? order.length : order.findIndex((d) => d.id === before);
    return at < 0 ? undefined : this.place(id, at > from ? at - 1 : at);
  }

  /**
   * To the place `to` (from 0) of the queue: new priorities for as few downloads as that takes.
   * @param {string} id @param {number} to
   */
  async place(id, to) {
    const order = this.store.active();
    const from = order.findIndex((d) => d.id === id);
    if (from < 0 || to < 0 || to >= order.length || to === from) return;
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
      this.complain(error, id);
    }
  }

  /** @param {SettingsPatch} patch @returns {Promise<boolean>} whether it is so now */
  async set(patch) {
    try {
      this.store.set("settings", await this.api.patchSettings(patch));
      return true;
    } catch (error) {
      this.complain(error, "settings");
      return false;
    }
  }

  /** @param {Wish} wish @param {AbortSignal} signal */
  preview(wish, signal) {
    return this.api.preview(wish, signal);
  }

  /** What of a preview fits this machine. @param {string} id @param {AbortSignal} signal */
  fit(id, signal) {
    return this.api.fit(id, signal);
  }

  /** @param {Wish} wish */
  async start(wish) {
    const download = await this.api.create(wish);
    if (!this.store.downloads.has(download.id)) this.store.put(download);
    return download;
  }

  /** @param {unknown} error @param {string} [key] */
  complain(error, key) {
    if (isAbort(error)) return;
    this.tell("error", saying(error), key);
    if (!(error instanceof ApiError)) throw error;
  }
}
