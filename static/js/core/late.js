// @ts-check
// What is loaded when it is first asked for, once; when that failed, the next who asks tries again.

/** @template T @param {() => Promise<T>} load @returns {() => Promise<T>} */
export function late(load) {
  /** @type {Promise<T>|null} */
  let made = null;
  return () =>
    (made ??= load().catch((error) => {
      made = null;
      throw error;
    }));
}
