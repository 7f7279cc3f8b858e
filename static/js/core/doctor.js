// @ts-check
// Finds out what is wrong when something failed, keeps looking until it is not, and says so in the store.
/** @import { Api } from "./api.js" */
/** @import { Store } from "./store.js" */
import { ApiError } from "./api.js";
import { t } from "./words.js";

const LOOK_AGAIN_MS = 4000;

/** What each part of /health means to a person, the deepest cause first. @type {[string, string][]} */
const PARTS = [
  ["daemon", t("Larder’s download service is not answering. Nothing is lost; downloads go on as soon as it is back.")],
  ["models_dir", t("The models folder cannot be written. Downloads cannot go on until that is mended on the server.")],
  ["database", t("Larder’s database does not answer. Changes cannot be saved right now.")],
];

export class Doctor {
  #busy = false;
  #timer = 0;

  /** @param {Api} api @param {Store} store @param {() => void} recovered */
  constructor(api, store, recovered) {
    this.api = api;
    this.store = store;
    this.recovered = recovered;
  }

  async examine() {
    if (this.#busy) return;
    this.#busy = true;
    clearTimeout(this.#timer);
    const before = this.store.trouble;
    let message = "";
    try {
      const { status, parts } = await this.api.health();
      if (status !== "ok") {
        const bad = PARTS.find(([part]) => parts?.[part] && parts[part] !== "ok");
        message = bad ? bad[1] : t("Larder reports that it is unwell.");
      }
    } catch (error) {
      message = !navigator.onLine
        ? t("This device is offline.")
        : error instanceof ApiError && error.status > 0
          ? t("The web server runs, but Larder behind it does not answer.")
          : t("The server cannot be reached.");
      message += " " + t("What you see may be out of date.");
    }
    this.#busy = false;
    if (message) {
      this.store.set("trouble", { message, retryAt: Date.now() + LOOK_AGAIN_MS });
      this.#timer = setTimeout(() => this.examine(), LOOK_AGAIN_MS);
    } else if (before) {
      this.store.set("trouble", null);
      this.recovered();
    }
  }
}
