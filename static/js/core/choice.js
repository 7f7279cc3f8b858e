// @ts-check
// Between ticked boxes and the select and exclude terms of the API. Pure.
/** @import { PreviewFile } from "./types.js" */

/** @typedef {{ select: string[], exclude: string[] }} Terms */

/**
 * The shortest way to say "exactly these": nothing for all, group names for whole groups, paths for the rest,
 * or what to leave out when that is shorter. Nothing wanted cannot be said in terms; do not ask.
 * @param {PreviewFile[]} files @param {Set<string>} wanted
 * @param {boolean} [literal] paths only, for when a group's name turned out to mean more than the group
 * @returns {Terms}
 */
export function termsFor(files, wanted, literal = false) {
  const chosen = cover(files, (path) => wanted.has(path), literal);
  const left = cover(files, (path) => !wanted.has(path), literal);
  return left.length < chosen.length ? { select: [], exclude: left } : { select: chosen, exclude: [] };
}

/** @param {PreviewFile[]} files @param {(path: string) => boolean} has @param {boolean} literal */
function cover(files, has, literal) {
  /** @type {Map<string, boolean>} */
  const whole = new Map();
  if (!literal)
    for (const f of files) if (f.group !== null) whole.set(f.group, has(f.path) && whole.get(f.group) !== false);
  const terms = new Set();
  for (const f of files) if (has(f.path)) terms.add(f.group !== null && whole.get(f.group) ? f.group : f.path);
  return [...terms];
}

/** @param {PreviewFile[]} files @param {Set<string>} wanted whether the server selected exactly these */
export const agrees = (files, wanted) => files.every((f) => f.selected === wanted.has(f.path));

/**
 * Terms as people type them: one a line, or with commas between. A line that is a path of the repository or a
 * regular expression keeps its commas.
 * @param {string} text @param {PreviewFile[]} [files]
 */
export function parseTerms(text, files = []) {
  const paths = new Set(files.map((f) => f.path));
  return text
    .split("\n")
    .map((line) => line.trim())
    .flatMap((line) => (paths.has(line) || line.startsWith("/") ? [line] : line.split(",").map((term) => term.trim())))
    .filter(Boolean);
}
