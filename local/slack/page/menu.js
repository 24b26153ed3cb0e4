/** Owns pop-up menus: placed at their button, worked with arrows, closed by Escape or a click elsewhere. */

import { h } from "./dom.js";

/**
 * @param {HTMLElement} anchor
 * @param {Array<{label: string, hint?: string, danger?: boolean, disabled?: boolean, href?: string, icon?: Node, name?: string, run(): void}>} items
 */
export function openMenu(anchor, items, kind = "") {
  const menu = h("div", {
    class: `menu ${kind}`.trim(),
    role: "menu",
    "aria-label": anchor.getAttribute("aria-label"),
    popover: "auto",
    onkeydown: moveFocus,
  });
  const close = () => menu.hidePopover();
  menu.append(...items.map((item) => menuItem(item, close)));
  menu.addEventListener("toggle", ({ newState }) => {
    if (newState === "open") return;
    anchor.setAttribute("aria-expanded", "false");
    if (menu.contains(document.activeElement) || document.activeElement === document.body) anchor.focus();
    menu.remove();
  });
  (anchor.closest("dialog") ?? document.body).append(menu);
  menu.showPopover();
  place(menu, anchor.getBoundingClientRect());
  anchor.setAttribute("aria-expanded", "true");
  menu.firstElementChild?.focus();
}

function menuItem(item, close) {
  const attributes = {
    role: "menuitem",
    "aria-disabled": item.disabled && "true",
    class: item.danger ? "menu-item is-danger" : "menu-item",
    "data-testid": item.name && `menu-${item.name}`,
    onclick: () => {
      close();
      item.run?.();
    },
  };
  const inside = [item.icon, h("span", null, item.label), item.hint && h("small", null, item.hint)];
  return item.href
    ? h("a", { ...attributes, href: item.href, target: "_blank", rel: "noopener noreferrer" }, inside)
    : h("button", { type: "button", ...attributes }, inside);
}

function moveFocus(event) {
  const items = [...event.currentTarget.children];
  const at = items.indexOf(document.activeElement);
  const steps = { ArrowDown: at + 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 };
  if (event.key === "Tab") event.currentTarget.hidePopover();
  if (!(event.key in steps)) return;
  event.preventDefault();
  items[(steps[event.key] + items.length) % items.length].focus();
}

function place(menu, anchor) {
  const { width, height } = menu.getBoundingClientRect();
  const left = Math.max(8, Math.min(anchor.right - width, innerWidth - width - 8));
  const below = anchor.bottom + 4;
  const top = below + height > innerHeight - 8 ? Math.max(8, anchor.top - height - 4) : below;
  menu.style.left = `${left}px`;
  menu.style.top = `${top}px`;
}
