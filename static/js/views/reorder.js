// @ts-check
// Dragging a row of the queue to another place. The keyboard's way are the buttons "sooner" and "later".

/**
 * @param {PointerEvent} event anywhere in the list; only a row's handle begins something
 * @param {HTMLElement} list @param {(id: string, before: string|null) => void} place before which one; null: the last
 */
export function begin(event, list, place) {
  const target = /** @type {Element} */ (event.target);
  if (!target.closest(".job-movable .job-icon") || event.button !== 0) return;
  event.preventDefault(); // no selection of text
  const row = /** @type {HTMLElement} */ (target.closest("[data-testid=download]"));
  const rows = /** @type {HTMLElement[]} */ ([...list.children]);
  const from = rows.indexOf(row);
  // Where they are now: while one is dragged, none of the others moves but by a transform.
  const tops = rows.map((one) => one.getBoundingClientRect());
  const height = tops[from].height;
  const life = new AbortController();
  const { signal } = life;
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

  /** By the neighbour, not by a number: another may have ended meanwhile. */
  function drop() {
    end();
    const before = rows[to < from ? to : to + 1]?.dataset.id ?? null;
    if (to !== from && row.dataset.id) place(row.dataset.id, before);
  }

  /** @param {(event: PointerEvent) => void} work */
  const ours = (work) => (/** @type {PointerEvent} */ one) => one.pointerId === event.pointerId && work(one);

  list.classList.add("jobs-dragged");
  row.classList.add("job-dragged");
  addEventListener(
    "pointermove",
    ours((move) => (move.buttons === 0 ? end() : draw(move.clientY - event.clientY))),
    { signal },
  );
  addEventListener("pointerup", ours(drop), { signal });
  addEventListener("pointercancel", ours(end), { signal });
  addEventListener("keydown", (key) => key.key === "Escape" && end(), { signal });
}
