/**
 * Owns how elements are made. A string child becomes a text node and nothing in this page ever parses
 * markup at run time, so text of people, models and commands cannot turn into elements.
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} tag
 * @param {Object<string, unknown> | null} attributes `on…` functions become handler properties, `key` becomes
 *   data-key (see morph.js); null, undefined and false are left out.
 */
export function h(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

export function fragment(...children) {
  const node = document.createDocumentFragment();
  node.append(...children.flat(Infinity).filter(isShown).map(asNode));
  return node;
}

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node[name] = value;
    else node.setAttribute(name === "key" ? "data-key" : name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter(isShown).map(asNode));
  return node;
}

const isShown = (child) => child !== null && child !== undefined && child !== false && child !== "";

const asNode = (child) => (child instanceof Node ? child : document.createTextNode(String(child)));

/** The address when it is a web address, else null: nothing else may become a link. */
export function webAddress(text) {
  if (!/^https?:\/\//i.test(String(text ?? "").trim())) return null;
  try {
    return new URL(text).href;
  } catch {
    return null;
  }
}
