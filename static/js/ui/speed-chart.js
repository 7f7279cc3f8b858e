// @ts-check
// A line of the last speeds, and the fastest of them beside it.
import { attr, h, text } from "../core/dom.js";
import { rate } from "../core/format.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 120; // one unit a value
const HEIGHT = 32;

/** @param {string} label */
export function speedChart(label) {
  const svg = document.createElementNS(SVG, "svg");
  const area = document.createElementNS(SVG, "path");
  const line = document.createElementNS(SVG, "path");
  const most = h("span", { class: "chart-most" });
  svg.setAttribute("viewBox", `0 0 ${WIDTH - 1} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  area.setAttribute("class", "chart-area");
  line.setAttribute("class", "chart-line");
  svg.append(area, line);
  const node = h("div", { class: "chart", role: "img", ariaLabel: label }, most);
  node.prepend(svg);
  return {
    node,
    /** @param {number[]} values the latest last, at most 120 */
    update(values) {
      const top = Math.max(...values, 1);
      const points = values.map(
        (value, i) => `${WIDTH - values.length + i},${(HEIGHT - 1 - (value / top) * (HEIGHT - 2)).toFixed(1)}`,
      );
      line.setAttribute("d", "M" + points.join("L"));
      area.setAttribute("d", `M${WIDTH - values.length},${HEIGHT}L${points.join("L")}L${WIDTH - 1},${HEIGHT}Z`);
      text(most, rate(top));
      attr(node, "aria-label", `${label}: ${rate(values.at(-1) ?? 0)}`);
    },
  };
}
