// @ts-check
// Dragging a row of the queue to another place. The keyboard's way are the buttons "sooner" and "later".

/**
 * @param {PointerEvent} event on a row's handle @param {HTMLElement} list
 * @param {(id: string, to: number) => void} place
 */
export function begin(event, list, place) {
  const row = /** @type {HTMLElement} */ (/** @type {Element} */ (event.target).closest("[data-testid=download]"));
  const rows = /** @type {HTMLElement[]} */ ([...list.children]);
  const from = rows.indexOf(row);
  // Where they are now: while one is dragged, none of the others moves but by a transform.
  const tops = rows.map((one) => one.getBoundingClientRect());
  const height = tops[from].height;
  const life = new AbortController();
  let to = from;

  /** @param {number} y how far it was dragged */
  function draw(y) {
    const middle = tops[from].top + y + height / 2;
    to = tops.findIndex((box) => middle < box.bottom);
    if (to < 0) to = rows.length - 1;
    row.style.transform = `translateY(${y}px)`;
    rows.forEach((one, i) => {
      if (i === from) return;
      const shift = i > from && i <= to ? -height : i < from && i >= to ? height : 0;
      one.style.transform = shift ? `translateY(${shift}px)` : "";
    });
  }

  function end() {
    life.abort();
    list.classList.remove("jobs-dragged");
    row.classList.remove("job-dragged");
    for (const one of rows) one.style.transform = "";
  }

  const { signal } = life;
  list.classList.add("jobs-dragged");
  row.classList.add("job-dragged");
  addEventListener("pointermove", (move) => move.pointerId === event.pointerId && draw(move.clientY - event.clientY), {
    signal,
  });
  addEventListener(
    "pointerup",
    () => {
      end();
      if (to !== from && row.dataset.id) place(row.dataset.id, to);
    },
    { signal },
  );
  addEventListener("pointercancel", end, { signal });
  addEventListener("keydown", (key) => key.key === "Escape" && end(), { signal });
}
