// @ts-check
// The events, as a tab sees them: from one stream for all tabs of this browser, whoever holds it. That is a shared worker;
// where there is none, the tab that has the lock; and where there are no locks (pages that came over plain HTTP), each tab
// has a stream of its own.
/** @import { Relay } from "./relay.js" */
/** @import { Changes, Link, Told } from "./types.js" */

const CATCH_UP_MS = 3000; // between two tries
const OWN_REST_AFTER_MS = 5000; // a browser has six connections to a host: a hidden tab keeps none for long
const WORKER_MS = 10_000; // a worker that has not welcomed us by then does not run

/** Is `id` later than `last`, or of another larderd? @param {string} id @param {string} last */
function isNews(id, last) {
  const [epoch, sequence] = id.split("-");
  const [lastEpoch, lastSequence] = last.split("-");
  return epoch !== lastEpoch || Number(sequence) > Number(lastSequence);
}

/** Trusted Types let through this one address. @param {string} url @returns {any} */
function trusted(url) {
  const types = /** @type {any} */ (globalThis).trustedTypes;
  if (!types) return url;
  const createScriptURL = (/** @type {string} */ text) => {
    if (text !== url) throw new TypeError("not the worker");
    return text;
  };
  return types.createPolicy("larder-worker", { createScriptURL }).createScriptURL(url);
}

export class SharedStream {
  #tab = Math.random().toString(36).slice(2);
  /** To whoever holds the stream. @type {(message: any) => void} */
  #post = () => {};
  /** Events that came while we catch up; null: we are up to date. @type {{ id: string, name: string, data: any }[]|null} */
  #waiting = null;
  #welcomed = false;

  /**
   * @param {{ base: URL, worker: string, url: string, changes: (since: string) => Promise<Changes>,
   *   apply: (name: string, data: any) => void, report: (link: Link) => void, failed: () => void }} parts
   */
  constructor(parts) {
    this.parts = parts;
  }

  start() {
    this.#useWorker() || this.#useLock() || this.#useOwn();
    document.addEventListener("visibilitychange", () => this.#say("tab"));
    addEventListener("pagehide", () => this.#say("bye"));
    addEventListener("pageshow", (event) => event.persisted && this.#say("hello"));
  }

  /** Do not wait for the timer. */
  retry() {
    this.#say("retry");
  }

  /** @param {string} type */
  #say(type) {
    this.#post({ type, tab: this.#tab, hidden: document.hidden });
  }

  // --- who holds the stream ---

  #useWorker() {
    if (!globalThis.SharedWorker) return false;
    try {
      const { port, worker } = this.#connect();
      const fallBack = () => {
        if (this.#welcomed) return;
        clearTimeout(timer);
        port.close();
        this.#useLock() || this.#useOwn();
      };
      const timer = setTimeout(fallBack, WORKER_MS);
      worker.onerror = fallBack;
      port.onmessage = ({ data }) => this.#hear(data);
      this.#post = (message) => port.postMessage(message);
      this.#say("hello");
      return true;
    } catch {
      return false;
    }
  }

  #connect() {
    const worker = new SharedWorker(trusted(this.parts.worker), { type: "module", name: "larder-stream-1" });
    return { worker, port: worker.port };
  }

  /** Whoever has the lock holds the stream; when that tab is closed, another gets the lock. */
  #useLock() {
    if (!navigator.locks || !globalThis.BroadcastChannel) return false;
    const name = "larder-stream-1 " + this.parts.base.pathname;
    const channel = new BroadcastChannel(name);
    /** @type {Relay|null} */
    let relay = null;
    /** @param {string} to @returns {(message: Told) => void} */
    const sender = (to) => (message) => {
      if (to === this.#tab) this.#hear(message);
      else channel.postMessage({ to, message });
    };
    channel.onmessage = ({ data: { to, message } }) => {
      if (to === "relay") relay?.hear(message, sender(message.tab));
      else if (to === this.#tab) this.#hear(message);
      else if (to === "all") this.#say("hello"); // another tab leads now
    };
    this.#post = (message) => {
      if (relay) relay.hear(message, sender(message.tab));
      else channel.postMessage({ to: "relay", message });
    };
    this.#say("hello");
    navigator.locks.request(name, async () => {
      const { Relay } = await import("./relay.js");
      relay = new Relay(this.parts);
      this.#say("hello");
      channel.postMessage({ to: "all", message: null });
      return new Promise(() => {}); // until this tab is closed
    });
    return true;
  }

  #useOwn() {
    import("./relay.js").then(({ Relay }) => {
      const relay = new Relay(this.parts, OWN_REST_AFTER_MS);
      this.#post = (message) => relay.hear(message, (told) => this.#hear(told));
      this.#say("hello");
    });
    return true;
  }

  // --- what it says ---

  /** @param {Told} message */
  #hear(message) {
    if (message.type === "welcome") {
      this.#welcomed = true;
      this.parts.report(message.link);
      if (message.begun) this.#catchUp();
      else this.#waiting = null;
    } else if (message.type === "link") this.parts.report(message.link);
    else if (message.type === "failed") this.parts.failed();
    else this.#receive(message);
  }

  /** @param {{ id: string, name: string, data: any }} event */
  #receive(event) {
    if (event.name === "snapshot") this.#waiting = null;
    if (this.#waiting) this.#waiting.push(event);
    else this.parts.apply(event.name, event.data);
  }

  /** The snapshot has gone by: one of our own, and after it what came meanwhile. */
  async #catchUp() {
    /** @type {{ id: string, name: string, data: any }[]} */
    const waiting = (this.#waiting = []);
    try {
      const { events, last_id } = await this.parts.changes("");
      if (this.#waiting !== waiting) return;
      this.#waiting = null;
      for (const { event, data } of events) this.parts.apply(event, data);
      for (const { id, name, data } of waiting) if (isNews(id, last_id)) this.parts.apply(name, data);
    } catch {
      this.parts.failed();
      setTimeout(() => this.#waiting === waiting && this.#catchUp(), CATCH_UP_MS);
    }
  }
}
