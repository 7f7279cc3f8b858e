// @ts-check
// What this browser prefers. Kept in local storage, versioned; a bad or missing store means the defaults.

const KEY = "larder.prefs.1";
const DEFAULTS = { theme: /** @type {"auto"|"light"|"dark"} */ ("auto") };

/** @typedef {typeof DEFAULTS} Values */

export class Prefs {
  /** @type {Values} */
  #values = { ...DEFAULTS };
  /** @type {Set<(values: Values) => void>} */
  #watchers = new Set();

  constructor() {
    try {
      const stored = JSON.parse(localStorage.getItem(KEY) ?? "{}");
      if (["auto", "light", "dark"].includes(stored.theme)) this.#values.theme = stored.theme;
    } catch {
      // A private window or a damaged entry: defaults it is.
    }
  }

  /** @template {keyof Values} K @param {K} name @returns {Values[K]} */
  get(name) {
    return this.#values[name];
  }

  /** @template {keyof Values} K @param {K} name @param {Values[K]} value */
  set(name, value) {
    this.#values[name] = value;
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#values));
    } catch {
      // Not kept; it still holds for this visit.
    }
    for (const watch of this.#watchers) watch(this.#values);
  }

  /** Told now and after each change. @param {(values: Values) => void} watch */
  watch(watch) {
    this.#watchers.add(watch);
    watch(this.#values);
  }
}
