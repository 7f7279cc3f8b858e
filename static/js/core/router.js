// @ts-check
// Which view the address names: #/models/acme/tiny is the view "models" and the rest "acme/tiny". It is behind the hash, so
// that the page can be served by anything that serves files, under any path. Behind "?": a query.

/** @typedef {{ view: string, rest: string, query: URLSearchParams }} Route */

/** The address of a view. @param {string} view @param {string} [rest] */
export const link = (view, rest = "") =>
  "#/" + [view, ...rest.split("/")].filter(Boolean).map(encodeURIComponent).join("/");

/** @returns {Route} */
export function route() {
  const [, path, query] = /** @type {RegExpExecArray} */ (/^#?\/?([^?]*)\??(.*)$/.exec(location.hash));
  const [view = "", ...rest] = path.split("/").map(decode);
  return { view, rest: rest.join("/"), query: new URLSearchParams(query) };
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // somebody's own percent sign
  }
}
