// @ts-check
// A labelled control with room for help and for what is wrong with it.
import { attr, fill, h, show } from "../core/dom.js";

let serial = 0;

/** The sentence of an error, its hint, and a reference where someone may have to ask for help.
 * @param {{ message: string, hint: string, status: number, requestId: string }} problem */
export function problemText(problem) {
  return [
    h("span", { class: "problem-what" }, problem.message),
    problem.hint ? h("span", { class: "problem-hint" }, " " + problem.hint) : null,
    problem.status >= 500 && problem.requestId
      ? h("span", { class: "problem-id" }, ` Reference: ${problem.requestId}`)
      : null,
  ];
}

/**
 * @template {HTMLElement} T
 * @param {T} control @param {string} label @param {string} [help] @param {Element} [box] what holds the control, if anything
 */
export function field(control, label, help, box = control) {
  const id = "field-" + ++serial;
  control.id = id;
  const wrong = h("p", { class: "problem", id: id + "-problem", hidden: true });
  const aid = help ? h("p", { class: "help", id: id + "-help" }, help) : null;
  const node = h("div", { class: "field" }, h("label", { htmlFor: id }, label), box, aid, wrong);
  if (aid) attr(control, "aria-describedby", aid.id);
  return {
    node,
    control,
    /** @param {boolean} visible */
    showHelp(visible) {
      if (aid) show(aid, visible);
    },
    /** @param {Parameters<typeof problemText>[0]|null} problem */
    setProblem(problem) {
      show(wrong, !!problem);
      fill(wrong, ...(problem ? problemText(problem) : []));
      attr(control, "aria-invalid", problem ? "true" : null);
      attr(control, "aria-describedby", [problem && wrong.id, aid?.id].filter(Boolean).join(" ") || null);
    },
  };
}
