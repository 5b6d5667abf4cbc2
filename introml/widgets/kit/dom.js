// Building elements: h for HTML, s for SVG. Attributes whose value is null or false are left out;
// functions named on… become listeners; `style` takes an object.

const SVG = "http://www.w3.org/2000/svg";

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

export function h(tag, attributes, ...children) {
  const node = apply(document.createElement(tag), attributes);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export function s(tag, attributes, ...children) {
  const node = apply(document.createElementNS(SVG, tag), attributes);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export function setAttributes(node, attributes) {
  return apply(node, attributes);
}
