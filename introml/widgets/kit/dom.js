// Building elements: h for HTML, s for SVG. Attributes whose value is null or false are left out;
// functions named on… become listeners; `style` takes an object.

/** @typedef {Record<string, any>} Attributes */
/** @typedef {Node | string | number | null | undefined | Child[]} Child */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {HTMLElement | SVGElement} T
 * @param {T} node
 * @param {Attributes} attributes
 * @returns {T}
 */
function apply(node, attributes) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) node.removeAttribute?.(name);
    else if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (name === "style" && typeof value === "object") {
      for (const [key, entry] of Object.entries(value)) node.style.setProperty(key, entry);
    } else node.setAttribute(name, value === true ? "" : String(value));
  }
  return node;
}

/**
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
function present(children) {
  const flat = /** @type {any[]} */ (children).flat();
  return flat.filter((child) => child !== null && child !== undefined);
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} attributes
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes, ...children) {
  const node = apply(document.createElement(tag), attributes);
  node.append(...present(children));
  return node;
}

/**
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} attributes
 * @param {Child[]} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function s(tag, attributes, ...children) {
  const node = apply(document.createElementNS(SVG, tag), attributes);
  node.append(...present(children));
  return node;
}

/**
 * @template {HTMLElement | SVGElement} T
 * @param {T} node
 * @param {Attributes} attributes
 * @returns {T}
 */
export function setAttributes(node, attributes) {
  return apply(node, attributes);
}
