/** Owns the yes-or-no dialog: Block Kit's `confirm` objects and our own questions. */

import { h } from "./dom.js";
import { textObject } from "./prose.js";

/**
 * @param {{title, text, confirm, deny, style?}} question Slack's confirm object
 * @returns {Promise<boolean>}
 */
export function confirmDialog(question, names) {
  return new Promise((resolve) => {
    const words = (object, fallback) => (object ? textObject(object, names) : fallback);
    const style = question.style === "danger" ? "is-danger" : "is-primary";
    const dialog = h(
      "dialog",
      { class: "dialog is-small", "data-testid": "confirm-dialog", "aria-labelledby": "confirm-title" },
      h("h2", { id: "confirm-title", class: "dialog-title" }, words(question.title, "Are you sure?")),
      h("div", { class: "dialog-body prose" }, words(question.text, "")),
      h(
        "div",
        { class: "dialog-foot" },
        h(
          "button",
          { type: "button", class: "button", "data-testid": "confirm-no", onclick: () => dialog.close("no") },
          words(question.deny, "Cancel"),
        ),
        h(
          "button",
          {
            type: "button",
            class: `button ${style}`,
            "data-testid": "confirm-yes",
            autofocus: true,
            onclick: () => dialog.close("yes"),
          },
          words(question.confirm, "Yes"),
        ),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
