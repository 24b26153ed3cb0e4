/**
 * Owns how a freshly rendered tree takes the place of the one on the screen: it is patched in, so focus,
 * selection, scroll positions, running animations and half-typed text survive every update.
 *
 * Children with a data-key are matched by key, others by position. State that belongs to the person (the text of
 * a field, an opened <details>) is never written; what is inside a `data-owned` element is its own affair.
 */

const HANDLERS = ["onclick", "onchange", "oninput", "onkeydown", "onsubmit", "ontoggle"];
const OWNED_BY_PERSON = { BUTTON: ["aria-expanded"], DETAILS: ["open"], DIALOG: ["open"] };

/** Make `old` look like `fresh`; returns the node now in the document. */
export function morph(old, fresh) {
  if (!sameKind(old, fresh)) {
    old.replaceWith(fresh);
    return fresh;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return old;
  }
  syncAttributes(old, fresh);
  for (const handler of HANDLERS) if (old[handler] !== fresh[handler]) old[handler] = fresh[handler];
  if (old.nodeName !== "TEXTAREA" && !("owned" in old.dataset)) morphChildren(old, [...fresh.childNodes]);
  return old;
}

/** Make the children of `parent` look like `wanted`. */
export function morphChildren(parent, wanted) {
  const keyed = new Map();
  for (const child of parent.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
  let cursor = parent.firstChild;
  for (const fresh of wanted) {
    const match = keyOf(fresh) ? keyed.get(keyOf(fresh)) : cursor;
    if (!match || !sameKind(match, fresh)) {
      parent.insertBefore(fresh, cursor);
      continue;
    }
    keyed.delete(keyOf(fresh));
    if (match === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(match, cursor);
    morph(match, fresh);
  }
  while (cursor) {
    const next = cursor.nextSibling;
    cursor.remove();
    cursor = next;
  }
}

function syncAttributes(old, fresh) {
  const kept = OWNED_BY_PERSON[old.nodeName] ?? [];
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !kept.includes(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !kept.includes(name)) old.setAttribute(name, value);
  }
}

const keyOf = (node) => node.dataset?.key;

const sameKind = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);
