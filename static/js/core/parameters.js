// @ts-check
// How large a model is, as its name says it.

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** 7.2 B: in every language. @param {number} n */
export const parameters = (n) => compact.format(n).replace(/([KMBT])$/, "\u00a0$1");
