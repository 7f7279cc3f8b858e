// @ts-check
// Who takes the space: one bar from side to side, the largest first, and what is free at its end.
import { fill, h } from "../core/dom.js";
import { percent, plain, size } from "../core/format.js";
import { t } from "../core/words.js";

const NAMED = 6;

/** @param {string} label */
export function spacePicture(label) {
  const bar = h("div", { class: "space-bar", ariaHidden: "true" });
  const legend = h("ul", { class: "space-legend", ariaLabel: label });
  const node = h("div", { class: "space" }, bar, legend);
  let shown = "";

  return {
    node,
    /** @param {{ name: string, href: string, bytes: number }[]} takers the largest first
     * @param {{ free: number, total: number }|null} disk */
    update(takers, disk) {
      const named = takers.slice(0, NAMED);
      const rest = takers.slice(NAMED).reduce((sum, { bytes }) => sum + bytes, 0);
      const library = takers.reduce((sum, { bytes }) => sum + bytes, 0);
      const total = Math.max(disk?.total ?? 0, library + (disk?.free ?? 0), 1);
      const parts = [
        ...named.map((taker, i) => ({ ...taker, tone: String(i + 1) })),
        { name: t("other models"), href: "", bytes: rest, tone: "rest" },
        {
          name: t("other files"),
          href: "",
          bytes: disk ? Math.max(0, total - disk.free - library) : 0,
          tone: "foreign",
        },
        { name: t("free"), href: "", bytes: disk?.free ?? 0, tone: "free" },
      ].filter(({ bytes }) => bytes > 0);
      const key = JSON.stringify(parts);
      if (key === shown) return;
      shown = key;
      fill(
        bar,
        ...parts.map(({ bytes, tone }) => {
          const piece = h("span", { class: "space-piece", data: { tone } });
          piece.style.flexGrow = String(bytes / total);
          return piece;
        }),
      );
      fill(
        legend,
        ...parts.map(({ name, href, bytes, tone }) =>
          h(
            "li",
            {},
            h("span", { class: "space-dot", data: { tone }, ariaHidden: "true" }),
            href ? h("a", { href }, h("bdi", {}, plain(name))) : h("span", {}, name),
            h(
              "span",
              { class: "space-size" },
              bytes / total < 0.01 ? size(bytes) : `${size(bytes)} (${percent(bytes / total)})`,
            ),
          ),
        ),
      );
    },
  };
}
