// @ts-check
// Numbers and times in words. Pure; in the reader's language and by the customs of their country.
import { locale, t, tn } from "./words.js";

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];
const NBSP = "\u00a0";

/** Made when it is first used: each costs a moment, and the first view needs few. @template T @param {() => T} make */
function late(make) {
  /** @type {T|undefined} */
  let made;
  return () => (made ??= make());
}
const digits = [0, 1, 2].map((n) =>
  late(() => new Intl.NumberFormat(locale, { minimumFractionDigits: n, maximumFractionDigits: n })),
);
const whole = late(() => new Intl.NumberFormat(locale));
const pct = late(() => new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 }));
const ago = late(() => new Intl.RelativeTimeFormat(locale, { numeric: "auto" }));
const stamp = late(() => new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }));

/** Decimal units, as the Hub and disk makers use them: 4.08 GB. @param {number} bytes */
export function size(bytes) {
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const places = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return (bytes < 0 ? "−" : "") + digits[places]().format(value) + NBSP + UNITS[unit];
}

/** @param {number} bps bytes a second */
export const rate = (bps) => size(Math.max(0, Math.round(bps))) + "/s";

/** @param {number} n */
export const number = (n) => whole().format(n);

/** "3 files", from "{n} file" and "{n} files". @param {number} n @param {string} one @param {string} many */
export const count = (n, one, many) => tn(n, one, many, { n: whole().format(n) }).replace(" ", NBSP);

/** Never 100 % before the end. @param {number} done @param {number} total */
export const fraction = (done, total) => (total > 0 ? Math.min(1, Math.max(0, done / total)) : 0);

/** @param {number} part 0..1 */
export const percent = (part) => pct().format(Math.floor(part * 100) / 100);

/** Two units at most: 3 h 12 min. @param {number} seconds */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const unit = (/** @type {number} */ n, /** @type {string} */ name) => whole().format(n) + NBSP + name;
  if (s < 60) return unit(s, t("s"));
  const [big, bigName, small, smallName] =
    s < 3600 ? [60, t("min"), 1, t("s")] : s < 86400 ? [3600, t("h"), 60, t("min")] : [86400, t("d"), 3600, t("h")];
  const rest = Math.floor((s % Number(big)) / Number(small));
  const head = unit(Math.floor(s / Number(big)), String(bigName));
  const precise = s < 600 || s >= 3600;
  return rest && precise ? head + " " + unit(rest, String(smallName)) : head;
}

/** "5 minutes ago". @param {string} time @param {number} now */
export function since(time, now) {
  const s = Math.max(0, Math.round((now - Date.parse(time)) / 1000));
  if (s < 60) return t("just now");
  if (s < 3600) return ago().format(-Math.floor(s / 60), "minute");
  if (s < 86400) return ago().format(-Math.floor(s / 3600), "hour");
  return ago().format(-Math.floor(s / 86400), "day");
}

/** @param {string} time */
export const moment = (time) => stamp().format(new Date(time));

/** A foreign name to be shown: what would turn or break the words around it, or hide, is seen as what it is.
 * @param {string} name */
export const plain = (name) =>
  name.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, "\ufffd");

/** The same inside a sentence: it cannot turn the words around it. @param {string} name */
export const isolate = (name) => `\u2068${plain(name)}\u2069`;

/** Only what may be followed from a page: http and https. @param {string|null|undefined} url */
export function safeUrl(url) {
  try {
    const parsed = new URL(url ?? "");
    return parsed.protocol === "https:" || parsed.protocol === "http:" ? parsed.href : null;
  } catch {
    return null;
  }
}
