// @ts-check
// A search at the Hub: page after page of one query, the last question counts.
/** @import { Api } from "./api.js" */
/** @import { Found, SearchPage } from "./types.js" */
import { ApiError, isAbort } from "./api.js";

const PAGE = 30;
const ROWS_MAX = 600; // who has not found it by then asks for something else
const TIMEOUT_MS = 35_000; // the daemon gives the Hub thirty seconds

/**
 * @typedef {{ q: string, type: string, author: string, format: string, task: string, size: string, sort: string }} Query
 */

const PLACE = /^\s*(?:https?:\/\/[^/\s]+\/|(?:www\.)?(?:hf\.co|huggingface\.co)\/)?(datasets\/)?(\S*\s*)$/i;

/** What a size is, in parameters. @type {Record<string, [number, number]>} */
export const SIZES = {
  "-3": [0, 3e9],
  "3-9": [3e9, 9e9],
  "9-16": [9e9, 16e9],
  "16-40": [16e9, 40e9],
  "40-": [40e9, 0],
};

/** What is sought by an address, or by a name as it is pasted elsewhere. @param {string} text */
export function sought(text) {
  const place = PLACE.exec(text);
  if (!place) return { name: text, isDataset: false };
  const [, folder = "", rest] = place;
  return {
    name: rest.replace(/^([^\s/]+\/[^\s/:@?#]+)[/:@?#]\S*\s*$/, "$1"),
    isDataset: folder !== "" && rest.trim() !== "",
  };
}

/** @param {Query} query @param {string|null} cursor */
export function address(query, cursor) {
  const [least, most] = SIZES[query.size] ?? [0, 0];
  const { size: _, ...words } = query;
  const params = new URLSearchParams();
  const { name, isDataset } = sought(words.q);
  words.q = name;
  if (isDataset) words.type = "dataset";
  for (const [name, value] of Object.entries(words)) if (value.trim()) params.set(name, value.trim());
  if (least) params.set("min_parameters", String(least));
  if (most) params.set("max_parameters", String(most));
  params.set("limit", String(PAGE));
  if (cursor) params.set("cursor", cursor);
  return `hub/search?${params}`;
}

export class Search {
  /** @type {Found[]} */
  rows = [];
  /** @type {ApiError|null} */
  problem = null;
  busy = false;
  /** What the Hub still answers. @type {SearchPage["quota"]} */
  quota = null;

  /** @type {string|null} */
  #cursor = null;
  /** @type {AbortController|null} */
  #request = null;
  #api;
  #draw;

  /** @param {Api} api @param {() => void} draw called whenever something is another */
  constructor(api, draw) {
    this.#api = api;
    this.#draw = draw;
  }

  get hasMore() {
    return this.#cursor !== null && this.rows.length < ROWS_MAX;
  }

  /** From the beginning; what was asked before is not waited for. @param {Query} query */
  ask(query) {
    return this.#load(query, null);
  }

  /** @param {Query} query the same as before */
  more(query) {
    return this.#load(query, this.#cursor);
  }

  stop() {
    this.#request?.abort();
    this.#request = null;
    this.busy = false;
  }

  /** @param {Query} query @param {string|null} cursor */
  async #load(query, cursor) {
    this.stop();
    const mine = (this.#request = new AbortController());
    this.busy = true;
    this.problem = null;
    this.#draw();
    try {
      /** @type {SearchPage} */
      const page = await this.#api.call("GET", address(query, cursor), { signal: mine.signal, timeout: TIMEOUT_MS });
      if (this.#request !== mine) return;
      const known = new Set(cursor ? this.rows.map(({ repo }) => repo) : []);
      const fresh = page.results.filter(({ repo }) => !known.has(repo));
      this.rows = cursor ? [...this.rows, ...fresh] : fresh;
      this.#cursor = page.next_cursor;
      this.quota = page.quota;
    } catch (error) {
      if (isAbort(error) || this.#request !== mine) return;
      if (!(error instanceof ApiError)) throw error;
      this.problem = error;
      if (!cursor) this.rows = [];
    }
    this.#request = null;
    this.busy = false;
    this.#draw();
  }
}
