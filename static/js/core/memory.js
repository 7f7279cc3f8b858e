// @ts-check
// What the page showed last, kept for the next visit: shown at once, until the server tells how it is now. Bounded,
// versioned; a bad or missing one is none.
/** @import { Store } from "./store.js" */

const KEY = "larder.seen.1";
const ACTIVE_MAX = 50;
const FINISHED_MAX = 20;

/** @param {Store} store */
export function recall(store) {
  try {
    const memory = JSON.parse(localStorage.getItem(KEY) ?? "null");
    if (!memory || !Array.isArray(memory.downloads)) return;
    const downloads = memory.downloads.filter((/** @type {any} */ d) => typeof d?.id === "string" && d.repo && d.state);
    store.recall({ at: Number(memory.at) || 1, downloads, disk: memory.disk ?? null });
  } catch {
    forget();
  }
}

/** @param {Store} store */
export function remember(store) {
  if (store.aged || !store.loaded) return; // that is not the server's
  const downloads = [...store.active().slice(0, ACTIVE_MAX), ...store.finished().slice(0, FINISHED_MAX)];
  try {
    localStorage.setItem(KEY, JSON.stringify({ at: Date.now(), downloads, disk: store.disk }));
  } catch {
    forget(); // no room: rather none than an old one
  }
}

/** For signing out. */
export function forget() {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // There is no storage, so nothing is in it.
  }
}
