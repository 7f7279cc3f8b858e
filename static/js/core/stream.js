// @ts-check
// The only EventSource: connects, notices that it broke, comes back where it was. While it cannot be held but the API
// answers, the same events are polled; and while nobody looks, too, only seldom. Knows no page: it runs in the shared
// worker as well (relay.js).
/** @import { Changes, Link } from "./types.js" */

const EVENTS = [
  ...["snapshot", "download", "progress", "download-removed", "disk", "settings", "notice"],
  ...["library", "model", "model-removed", "trash", "scrub"],
];
const FIRST_MS = 1000;
const LONGEST_MS = 30_000;
const POLL_MS = 3000;
const POLL_AFTER = 3; // failures in a row
const SLEEP_MS = 30_000; // timers that late mean that the machine slept: the connection is a ghost
const REST_POLL_MS = 30_000;

export class Stream {
  /** @type {EventSource|null} */
  #source = null;
  #lastId = "";
  #failures = 0;
  #again = 0; // timer
  #polling = 0; // timer, or -1 while a poll is under way
  #browserTries = false;
  #polled = false;
  #rest = 0; // timer until the stream rests
  #resting = false;

  /**
   * @param {{ url: string, apply: (id: string, name: string, data: any) => void,
   *   changes: (since: string) => Promise<Changes>, report: (link: Link) => void, failed: () => void,
   *   restAfter: number }} parts restAfter: ms that nobody looks until the stream rests
   */
  constructor(parts) {
    this.parts = parts;
  }

  start() {
    this.#open();
    addEventListener("online", () => this.retry());
    let seen = Date.now();
    setInterval(() => {
      if (Date.now() - seen > SLEEP_MS && !this.#resting) this.#open();
      seen = Date.now();
    }, 5000);
  }

  /** Do not wait for the timer. */
  retry() {
    if (this.#again) this.#open();
  }

  /** Does anybody look? @param {boolean} watched */
  watch(watched) {
    clearTimeout(this.#rest);
    this.#rest = 0;
    if (!watched) this.#rest = setTimeout(() => this.#beginRest(), this.parts.restAfter);
    else if (this.#resting) this.#open();
    else this.retry();
  }

  #beginRest() {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#again);
    this.#again = 0;
    this.#resting = true;
    this.#schedulePoll();
  }

  #open() {
    clearTimeout(this.#again);
    this.#again = 0;
    this.#resting = false;
    this.#source?.close();
    this.#browserTries = false;
    // A new EventSource cannot send the header by itself.
    const since = this.#lastId ? "?last_event_id=" + encodeURIComponent(this.#lastId) : "";
    const source = (this.#source = new EventSource(this.parts.url + since));
    source.onopen = () => source === this.#source && this.#live();
    source.onerror = () => source === this.#source && this.#broke(source);
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => this.#event(name, /** @type {MessageEvent} */ (event), source));
    }
  }

  /** @param {string} name @param {MessageEvent} event @param {EventSource} source */
  #event(name, event, source) {
    if (source !== this.#source) return;
    let data;
    try {
      data = JSON.parse(event.data);
    } catch {
      this.#lastId = ""; // half an event: start over with a snapshot
      return this.#broke(source);
    }
    if (event.lastEventId) this.#lastId = event.lastEventId;
    this.parts.apply(event.lastEventId, name, data);
  }

  #live() {
    this.#failures = 0;
    this.#browserTries = false;
    this.#polled = false;
    if (this.#polling > 0) {
      clearTimeout(this.#polling);
      this.#polling = 0;
    }
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
    if (this.#failures >= POLL_AFTER) this.#schedulePoll();
  }

  /** @param {number} retryAt */
  #reportDown(retryAt) {
    if (!this.#polled) this.parts.report({ state: navigator.onLine ? "reconnecting" : "offline", retryAt });
  }

  /** Is there a reason to poll? */
  get #pollMs() {
    return this.#resting ? REST_POLL_MS : this.#failures >= POLL_AFTER ? POLL_MS : 0;
  }

  /** At once the first time. */
  #schedulePoll() {
    if (!this.#polling) this.#poll();
  }

  async #poll() {
    this.#polling = -1;
    try {
      const { events, last_id } = await this.parts.changes(this.#lastId);
      // Has the stream come back meanwhile? Then it knows better.
      if (this.#pollMs) {
        for (const { id, event, data } of events) this.parts.apply(id, event, data);
        this.#lastId = last_id;
        this.#polled = !this.#resting;
        if (this.#polled) this.parts.report({ state: "polling", retryAt: 0 });
      }
    } catch {
      this.#polled = false;
      if (this.#failures) this.#reportDown(0);
    }
    this.#polling = this.#pollMs ? setTimeout(() => this.#poll(), this.#pollMs) : 0;
  }
}
