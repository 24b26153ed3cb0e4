/** Owns what is said in passing: toasts for people who look, a live region for people who listen. */

import { h } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN_MILLISECONDS = 6_000;
let stack = null;

export function toast(text, kind = "error") {
  const close = () => node.remove();
  const node = h(
    "div",
    { class: `toast is-${kind}`, role: kind === "error" ? "alert" : "status", "data-testid": "toast" },
    icon(kind === "error" ? "warning" : "info"),
    h("span", { class: "toast-text" }, text),
    h(
      "button",
      { type: "button", class: "icon-button", "aria-label": "Dismiss", onclick: close },
      icon("close"),
    ),
  );
  raise().append(node);
  setTimeout(close, SHOWN_MILLISECONDS);
}

/** The stack lives in the top layer and is shown anew for each toast, so it stands above an open dialog. */
function raise() {
  if (!stack) document.body.append((stack = h("div", { class: "toasts", popover: "manual" })));
  if (stack.matches(":popover-open")) stack.hidePopover();
  stack.showPopover();
  return stack;
}

export function announce(text) {
  const line = h("p", null, text);
  const region = document.getElementById("announcer");
  region.append(line);
  while (region.childElementCount > 5) region.firstElementChild.remove();
}
