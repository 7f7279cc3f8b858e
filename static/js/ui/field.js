// @ts-check
// A labelled control with room for help, for what is wrong with it, and for what is right.
import { attr, fill, h, icon, show, text } from "../core/dom.js";
import { t } from "../core/words.js";

let serial = 0;

/** @typedef {{ message: string, hint: string, status: number, requestId: string }} Problem */

/** The sentence of an error, its hint, and a reference where someone may have to ask for help. @param {Problem} problem */
export function problemText(problem) {
  return [
    h("span", { class: "problem-what" }, problem.message),
    problem.hint ? h("span", { class: "problem-hint" }, " " + problem.hint) : null,
    problem.status >= 500 && problem.requestId
      ? h("span", { class: "problem-id" }, " " + t("Reference: {id}", { id: problem.requestId }))
      : null,
  ];
}

/** Where it is said what is wrong with a control. @param {HTMLElement} control @param {HTMLElement|null} aid its help */
export function problemBox(control, aid) {
  const node = h("p", { class: "problem", id: `problem-${++serial}`, hidden: true, role: "alert" });
  return {
    node,
    /** @param {Problem|null} problem */
    setProblem(problem) {
      show(node, !!problem);
      fill(node, ...(problem ? problemText(problem) : []));
      attr(control, "aria-invalid", problem ? "true" : null);
      attr(control, "aria-describedby", [problem && node.id, aid?.id].filter(Boolean).join(" ") || null);
    },
  };
}

/**
 * @template {HTMLElement} T
 * @param {T} control @param {string} label @param {string} [help] @param {Element} [box] what holds the control, if anything
 */
export function field(control, label, help, box = control) {
  const id = "field-" + ++serial;
  control.id = id;
  const aid = help ? h("p", { class: "help", id: id + "-help" }, help) : null;
  const words = h("span", {});
  const good = h("p", { class: "good", hidden: true, role: "status" }, icon("check"), words);
  const { node: wrong, setProblem } = problemBox(control, aid);
  if (aid) attr(control, "aria-describedby", aid.id);
  return {
    node: h("div", { class: "field" }, h("label", { htmlFor: id }, label), box, aid, good, wrong),
    control,
    /** @param {Problem|null} problem */
    setProblem(problem) {
      setProblem(problem);
      if (problem) show(good, false);
    },
    /** @param {string} sentence "": nothing to say */
    setGood(sentence) {
      show(good, sentence !== "");
      text(words, sentence);
    },
  };
}
