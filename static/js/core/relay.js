// @ts-check
// One stream for all tabs of a browser: holds it, and passes what it says on to each. Runs in the shared worker, or in the
// tab that leads (shared-stream.js).
//
// A tab says     {type: "hello", tab, hidden}   it is there, or there again: it is welcomed
//                {type: "tab", tab, hidden}     whether somebody looks at it
//                {type: "retry"}                do not wait
//                {type: "bye", tab}
// and is told    {type: "welcome", link, begun} begun: the stream's snapshot has gone by
//                {type: "event", id, name, data}
//                {type: "link", link}
//                {type: "failed"}               worth looking what is wrong
/** @import { Changes, Link, Told } from "./types.js" */
import { Stream } from "./stream.js";

const REST_AFTER_MS = 60_000;

export class Relay {
  /** @type {Map<string, { send: (message: Told) => void, hidden: boolean }>} */
  #tabs = new Map();
  /** @type {Link} */
  #link = { state: "connecting", retryAt: 0 };
  #begun = false;

  /**
   * @param {{ url: string, changes: (since: string) => Promise<Changes> }} parts
   * @param {number} [restAfter] ms
   */
  constructor({ url, changes }, restAfter = REST_AFTER_MS) {
    this.stream = new Stream({
      url,
      changes,
      restAfter,
      apply: (id, name, data) => {
        this.#begun = true;
        this.#tell({ type: "event", id, name, data });
      },
      report: (link) => {
        this.#link = link;
        this.#tell({ type: "link", link });
      },
      failed: () => this.#tell({ type: "failed" }),
    });
    this.stream.start();
  }

  /** @param {any} message what a tab said @param {(message: Told) => void} send to that tab */
  hear(message, send) {
    if (message.type === "hello") {
      this.#tabs.set(message.tab, { send, hidden: message.hidden });
      send({ type: "welcome", link: this.#link, begun: this.#begun });
    }
    const tab = this.#tabs.get(message.tab);
    if (message.type === "tab" && tab) tab.hidden = message.hidden;
    if (message.type === "bye") this.#tabs.delete(message.tab);
    if (message.type === "retry") this.stream.retry();
    else this.stream.watch([...this.#tabs.values()].some(({ hidden }) => !hidden));
  }

  /** @param {Told} message */
  #tell(message) {
    for (const { send } of this.#tabs.values()) send(message);
  }
}
