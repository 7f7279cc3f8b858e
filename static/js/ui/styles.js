// @ts-check
// The style sheets that the first view has no use for, each loaded once, when what it is for is shown.

/** @type {Map<string, Promise<void>>} */
const loaded = new Map();

/** Settled when css/<name>.css holds. Without it the page is plain, but it works; the next who asks tries again.
 * @param {string} name */
export function styles(name) {
  let one = loaded.get(name);
  if (!one) {
    one = new Promise((resolve) => {
      const node = document.createElement("link");
      node.rel = "stylesheet";
      node.href = new URL(`../../css/${name}.css`, import.meta.url).href;
      node.onload = () => resolve();
      node.onerror = () => {
        loaded.delete(name);
        node.remove();
        resolve();
      };
      document.head.append(node);
    });
    loaded.set(name, one);
  }
  return one;
}
