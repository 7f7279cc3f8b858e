// @ts-check
// The words of the page in the language of whoever reads it. English is in the sources, where it is used; another language
// is one table from each English sentence to its own (words/de.js), loaded before anything is drawn. The tests compare the
// tables with the sources: a sentence without its words fails.
import { stored } from "./prefs.js";

export const LANGUAGES = { en: "English", de: "Deutsch" };

/** What the browser prefers of ours, unless somebody chose. */
function choose() {
  const wishes = [stored().language, ...(globalThis.navigator?.languages ?? [])];
  return wishes.map((wish) => wish.slice(0, 2).toLowerCase()).find((wish) => wish in LANGUAGES) ?? "en";
}

export const language = choose();
/** For numbers and times: the reader's country, where the language is theirs. */
export const locale = globalThis.navigator?.languages?.find((one) => one.startsWith(language)) ?? language;
/** @type {Record<string, string>|null} */
const table = language === "en" ? null : (await import(`../words/${language}.js`)).default;

/** Words with `{name}` in them replaced. @param {string} words @param {Record<string, string|number>} [values] */
export const put = (words, values) =>
  values
    ? words.replace(/\{(\w+)\}/g, (hole, name) => (Object.hasOwn(values, name) ? String(values[name]) : hole))
    : words;

/** A sentence in the reader's language. @param {string} english @param {Record<string, string|number>} [values] */
export const t = (english, values) => put(table?.[english] ?? english, values);

/** The one for a single thing or the one for several; the tables have both as "one|many".
 * @param {number} n @param {string} one @param {string} many @param {Record<string, string|number>} [values] */
export function tn(n, one, many, values) {
  const [single, several] = (table?.[`${one}|${many}`] ?? `${one}|${many}`).split("|");
  return put(n === 1 ? single : several, values);
}
