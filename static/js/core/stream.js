// @ts-check
// The only EventSource: connects, notices that it broke, comes back. While it cannot be held but the API answers,
// the same events are polled.
/** @import { Changes, Link } from "./types.js" */

const EVENTS = ["snapshot", "download", "progress", "download-removed", "disk", "notice"];
const FIRST_MS = 1000;
const LONGEST_MS = 30_000;
const POLL_MS = 3000;
const POLL_AFTER = 3; // failures in a row
const SLEEP_MS = 30_000; // timers that late mean that the machine slept: the connection is a ghost

export class Stream {
  /** @type {EventSource|null} */
  #source = null;
  #lastId = "";
  #failures = 0;
  #again = 0; // timer
  #polling = 0; // timer, or -1 while a poll is under way
  #browserTries = false;
  #polled = false;

  /**
   * @param {{ url: string, apply: (name: string, data: any) => void, changes: (since: string) => Promise<Changes>,
   *   reload: () => Promise<void>, report: (link: Link) => void, failed: () => void }} parts
   */
  constructor(parts) {
    this.parts = parts;
  }

  start() {
    this.#open();
    addEventListener("online", () => this.retry());
    addEventListener("pageshow", (event) => event.persisted && this.#open());
    document.addEventListener("visibilitychange", () => !document.hidden && this.retry());
    let seen = Date.now();
    setInterval(() => {
      if (Date.now() - seen > SLEEP_MS) this.#open();
      seen = Date.now();
    }, 5000);
  }

  /** Do not wait for the timer. */
  retry() {
    if (this.#again) this.#open();
  }

  #open() {
    clearTimeout(this.#again);
    this.#again = 0;
    this.#source?.close();
    this.#browserTries = false;
    const source = (this.#source = new EventSource(this.parts.url));
    source.onopen = () => this.#live();
    source.onerror = () => source === this.#source && this.#broke(source);
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => this.#event(name, /** @type {MessageEvent} */ (event), source));
    }
  }

  /** @param {string} name @param {MessageEvent} event @param {EventSource} source */
  #event(name, event, source) {
    let data;
    try {
      data = JSON.parse(event.data);
    } catch {
      source.close(); // half an event: start over with a snapshot
      return this.#broke(source);
    }
    if (event.lastEventId) this.#lastId = event.lastEventId;
    this.parts.apply(name, data);
  }

  #live() {
    this.#failures = 0;
    this.#browserTries = false;
    this.#polled = false;
    if (this.#polling > 0) clearTimeout(this.#polling);
    this.#polling = 0;
    this.parts.report({ state: "live", retryAt: 0 });
  }

  /** @param {EventSource} source */
  #broke(source) {
    if (source.readyState === EventSource.CONNECTING && !this.#browserTries) {
      this.#browserTries = true; // once by the browser itself: it resumes by event id
      this.parts.report({ state: "reconnecting", retryAt: 0 });
      return;
    }
    source.close();
    this.#source = null;
    this.#failures++;
    const limit = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures);
    const wait = Math.max(FIRST_MS, limit * (0.5 + Math.random() / 2));
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#open(), wait);
    this.#reportDown(Date.now() + wait);
    this.parts.failed();
    if (this.#failures >= POLL_AFTER && !this.#polling) this.#poll();
  }

  /** @param {number} retryAt */
  #reportDown(retryAt) {
    if (!this.#polled) this.parts.report({ state: navigator.onLine ? "reconnecting" : "offline", retryAt });
  }

  async #poll() {
    this.#polling = -1;
    try {
      const { events, last_id, reset } = await this.parts.changes(this.#lastId);
      if (!this.#failures) return; // the stream came back meanwhile and knows better
      for (const { event, data } of events) this.parts.apply(event, data);
      this.#lastId = last_id;
      if (reset && !events.some(({ event }) => event === "snapshot")) await this.parts.reload();
      this.#polled = true;
      this.parts.report({ state: "polling", retryAt: 0 });
    } catch {
      if (!this.#failures) return;
      this.#polled = false;
      this.#reportDown(0);
    }
    if (this.#failures) this.#polling = setTimeout(() => this.#poll(), POLL_MS);
    else this.#polling = 0;
  }
}
