// @ts-check
// Nodes from data. Strings become text nodes, never markup; there is no way to pass HTML through this module.

/** @typedef {Node|string|number|null|undefined|false} Child */

/**
 * Make an element. Props: `class`, `data` (data-*), `on` (listeners), `signal` (for the listeners); anything else
 * is a property when the element has it, an attribute when it has not.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, any>} [props] @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || name === "signal") continue;
    if (name === "class") node.className = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "on")
      for (const type in value) node.addEventListener(type, value[type], { signal: props.signal });
    else if (name in node) /** @type {any} */ (node)[name] = value;
    else if (value !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
  append(node, children);
  return node;
}

/** @param {Element} node @param {Child[]} children */
function append(node, children) {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false)
      node.append(child instanceof Node ? child : String(child));
  }
}

/** Replace what a node holds. @param {Element} node @param {...Child} children */
export function fill(node, ...children) {
  node.replaceChildren();
  append(node, children);
}

/** Change text only when it differs: no layout, no lost selection. @param {Node} node @param {string} value */
export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

/** @param {HTMLElement} node @param {string} name @param {string|number|null} value */
export function attr(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

/** @param {HTMLElement} node @param {boolean} visible */
export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

const SPRITE = new URL("../../icons.svg", import.meta.url).pathname;

/** An icon of the sprite. @param {string} name @param {string} [label] spoken name; without it, decoration */
export function icon(name, label) {
  const NS = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(NS, "svg");
  const use = document.createElementNS(NS, "use");
  svg.setAttribute("class", "icon");
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${SPRITE}#${name}`);
  svg.append(use);
  return svg;
}

/** @template T @typedef {{ node: HTMLElement, update: (item: T) => void, destroy?: () => void }} Part */

/**
 * A keyed list: each item keeps its node for as long as its key stays. Focus survives a move.
 * @template T
 * @param {HTMLElement} box @param {(item: T) => string} key @param {(item: T) => Part<T>} create
 * @returns {(items: Iterable<T>) => void}
 */
export function keyed(box, key, create) {
  /** @type {Map<string, Part<T>>} */
  let parts = new Map();
  return (items) => {
    const next = new Map();
    const focus = document.activeElement;
    const wanted = [...items];
    const keys = new Set(wanted.map(key));
    for (const [k, part] of parts) {
      if (keys.has(k)) continue;
      part.node.remove();
      part.destroy?.();
      parts.delete(k);
    }
    let cursor = box.firstElementChild;
    for (const item of wanted) {
      const k = key(item);
      if (next.has(k)) continue;
      const part = parts.get(k) ?? create(item);
      parts.delete(k);
      next.set(k, part);
      part.update(item);
      if (part.node === cursor) cursor = cursor.nextElementSibling;
      else box.insertBefore(part.node, cursor);
    }
    parts = next;
    if (focus instanceof HTMLElement && focus !== document.activeElement && box.contains(focus))
      focus.focus({ preventScroll: true });
  };
}
