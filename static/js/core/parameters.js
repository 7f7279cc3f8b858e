// @ts-check
// How large a model is, as its name says it.

import { number } from "./format.js";

/** 7.2 B: the letter is the same in every language. @param {number} n */
export function parameters(n) {
  let value = n;
  let step = 0;
  for (; value >= 999.5 && step < 4; step++) value /= 1000;
  const rounded = value < 99.95 ? Math.round(value * 10) / 10 : Math.round(value);
  return number(rounded) + (step ? "\u00a0" + "KMBT"[step - 1] : "");
}
