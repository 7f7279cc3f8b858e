// @ts-check
// What this browser prefers. Kept in local storage, versioned; a bad or missing store means the defaults.

const KEY = "larder.prefs.1";
/** Each with what it may be, the default first. */
const CHOICES = {
  theme: ["auto", "light", "dark"],
  language: ["auto", "en", "de"],
  notify: ["off", "on"],
};

/** @typedef {Record<keyof typeof CHOICES, string>} Values */

/** @returns {Values} */
export function stored() {
  /** @type {any} */
  let found;
  try {
    found = JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    // A private window, a damaged entry, or a worker: defaults it is.
  }
  return /** @type {Values} */ (
    Object.fromEntries(
      Object.entries(CHOICES).map(([name, may]) => [name, may.includes(found?.[name]) ? found[name] : may[0]]),
    )
  );
}

export class Prefs {
  #values = stored();
  /** @type {Set<(values: Values) => void>} */
  #watchers = new Set();

  /** @param {keyof Values} name */
  get(name) {
    return this.#values[name];
  }

  /** @param {keyof Values} name @param {string} value */
  set(name, value) {
    this.#values = { ...stored(), [name]: value }; // another tab may have changed another one
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#values));
    } catch {
      // Not kept; it still holds for this visit.
    }
    for (const watch of this.#watchers) watch(this.#values);
  }

  /** Told now and after each change. @param {(values: Values) => void} watch @param {AbortSignal} [signal] */
  watch(watch, signal) {
    this.#watchers.add(watch);
    signal?.addEventListener("abort", () => this.#watchers.delete(watch));
    watch(this.#values);
  }

  /** What another tab has changed holds here, too. */
  constructor() {
    globalThis.addEventListener?.("storage", ({ key }) => {
      if (key !== KEY) return;
      this.#values = stored();
      for (const watch of this.#watchers) watch(this.#values);
    });
  }
}
