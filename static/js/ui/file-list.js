// @ts-check
// A list of files that stays fast when there are thousands: it draws the first hundred, and the rest when asked.
import { h, keyed, show, text } from "../core/dom.js";
import { number, plain } from "../core/format.js";
import { t } from "../core/words.js";

const FIRST = 100;

/**
 * @template {{ path: string }} T
 * @param {string} label @param {(file: T) => import("../core/dom.js").Part<T>} row
 */
export function fileList(label, row) {
  const list = h("ul", { class: "files", ariaLabel: label });
  const patch = keyed(list, (/** @type {T} */ file) => file.path, row);
  /** @type {T[]} */
  let files = [];
  let all = false;
  const more = h("button", {
    type: "button",
    class: "button button-quiet",
    on: {
      click: () => {
        all = true;
        draw();
      },
    },
  });
  const node = h("div", { class: "file-list" }, list, more);

  function draw() {
    patch(all ? files : files.slice(0, FIRST));
    show(more, !all && files.length > FIRST);
    text(more, t("Show all {n} files", { n: number(files.length) }));
  }

  return {
    node,
    /** @param {T[]} next */
    update(next) {
      files = next;
      draw();
    },
    reset() {
      all = false;
    },
  };
}

/** A path with its folder kept in the background. @param {string} path */
export function pathText(path) {
  const cut = path.lastIndexOf("/") + 1;
  return h(
    "bdi",
    { class: "path", title: plain(path) },
    cut ? h("span", { class: "path-folder" }, plain(path.slice(0, cut))) : null,
    plain(path.slice(cut)),
  );
}
