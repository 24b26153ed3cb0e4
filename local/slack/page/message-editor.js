/** Owns changing a message one has written. */

import { h } from "./dom.js";
import { decodeEntities } from "./inline.js";

/** The text as its author typed it: ids as names, links bare, entities as characters. */
export function editableText(message, store) {
  const typed = (message.text ?? "")
    .replace(/<@([A-Z0-9]+)(?:\|[^>]*)?>/g, (whole, id) =>
      store.user(id) ? `@${store.user(id).name}` : whole,
    )
    .replace(/<!(here|channel|everyone)>/g, "@$1")
    .replace(/<(https?:[^|>]+)(?:\|[^>]*)?>/g, "$1");
  return decodeEntities(typed);
}

/** Enter saves, Escape leaves the message as it was. */
export function messageEditor(message, { store, actions }) {
  const save = (form) => actions.edit(message, form.querySelector("textarea").value.trim());
  const cancel = () => store.set({ editing: null });
  const onkeydown = (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      cancel();
    }
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      save(event.currentTarget.form);
    }
  };
  return h(
    "form",
    { class: "editor", onsubmit: (event) => (event.preventDefault(), save(event.currentTarget)) },
    h(
      "textarea",
      {
        class: "field",
        rows: 3,
        dir: "auto",
        "aria-label": "Edit message",
        "data-testid": "message-editor",
        onkeydown,
      },
      editableText(message, store),
    ),
    h(
      "div",
      { class: "editor-foot" },
      h("button", { type: "button", class: "button is-small", onclick: cancel }, "Cancel"),
      h("button", { type: "submit", class: "button is-small is-primary" }, "Save"),
    ),
  );
}
